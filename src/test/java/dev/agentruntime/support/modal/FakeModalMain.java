package dev.agentruntime.support.modal;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * The fake in a process of its own, for the benchmark. Says where it is, then takes orders as lines: {@code calls} (which came since the last
 * asking, in order, with the time in milliseconds since the epoch), {@code alive} (how many sandboxes there are) and {@code latency <ms>}
 * (of each call). Ends with its input. What it says begins with {@code "= "}.
 */
public final class FakeModalMain {

  private FakeModalMain() {}

  /** @param arguments the directory for the sandboxes' files */
  public static void main(String[] arguments) throws Exception {
    try (FakeModal modal = FakeModal.start(Path.of(arguments[0]))) {
      say(JsonObject.mapFrom(modal.settings()).encode());
      BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = orders.readLine(); line != null; line = orders.readLine()) {
        String[] words = line.split(" ");
        switch (words[0]) {
          case "calls" -> say(calls(modal).encode());
          case "alive" -> say(Integer.toString(modal.alive().size()));
          default -> {
            modal.latency(Duration.ofMillis(Long.parseLong(words[1])));
            say("ok");
          }
        }
      }
    }
  }

  private static void say(String line) {
    System.out.println("= " + line);
  }

  private static JsonArray calls(FakeModal modal) {
    List<RecordedCall> recorded = modal.recorded();
    modal.forgetCalls();
    double nowMillis = System.currentTimeMillis();
    long nowNanos = System.nanoTime();
    JsonArray calls = new JsonArray();
    recorded.forEach(call -> calls.add(new JsonObject().put("name", call.name()).put("at", nowMillis - (nowNanos - call.nanos()) / 1e6)));
    return calls;
  }
}
