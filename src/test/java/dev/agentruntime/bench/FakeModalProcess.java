package dev.agentruntime.bench;

import dev.agentruntime.support.modal.FakeModalMain;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The tests' fake of Modal in a process of its own: what it costs is not the program's. */
final class FakeModalProcess implements AutoCloseable {

  private final Path directory = Files.createTempDirectory("agent-runtime-bench-modal");
  private final Child process;
  private final Map<String, String> settings = new HashMap<>();

  FakeModalProcess() throws Exception {
    process = Child.java(List.of("-Xmx1g"), FakeModalMain.class, Map.of(), directory.resolve("sandboxes").toString());
    new JsonObject(process.line()).forEach(setting -> settings.put(setting.getKey(), (String) setting.getValue()));
  }

  /** For a service whose sandboxes are to be here. */
  Map<String, String> settings() {
    return settings;
  }

  /** A call that came, and when. */
  record Call(String name, double atMillis) {}

  /** Those since the last asking. */
  List<Call> calls() throws Exception {
    return new JsonArray(process.ask("calls")).stream().map(JsonObject.class::cast)
        .map(call -> new Call(call.getString("name"), call.getDouble("at"))).toList();
  }

  void latency(int millis) throws Exception {
    process.ask("latency " + millis);
  }

  @Override
  public void close() throws IOException {
    process.close();
    Service.deleteAll(directory);
  }
}
