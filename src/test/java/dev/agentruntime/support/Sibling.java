package dev.agentruntime.support;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** Somebody who uses the runtime over an event bus, near or far. Blocking, for tests. */
public interface Sibling extends AutoCloseable {

  int PATIENCE_SECONDS = 60;

  /** @param body anything that a message may carry, or {@code null} */
  Reply ask(String address, String action, Object body);

  /** Hears everything that is published there from now on. */
  Heard listen(String address);

  @Override
  void close();

  /** @param failureCode 0 if it is an answer; @param body the answer, or the failure's message if that is JSON */
  record Reply(int failureCode, JsonObject body) {

    public JsonObject answer() {
      if (failureCode != 0) {
        throw new AssertionError(failureCode + " " + body);
      }
      return body;
    }
  }

  /** Messages in the order in which they came. */
  final class Heard {

    private final BlockingQueue<JsonObject> queue = new LinkedBlockingQueue<>();

    public void add(JsonObject message) {
      queue.add(message);
    }

    /** All messages up to and with the first like this one. */
    public List<JsonNode> until(Predicate<JsonNode> wanted) {
      List<JsonNode> heard = new ArrayList<>();
      try {
        while (heard.isEmpty() || !wanted.test(heard.getLast())) {
          JsonObject next = queue.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
          if (next == null) {
            throw new AssertionError("no such message after " + heard);
          }
          heard.add(Json.tree(next.encode()));
        }
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return heard;
    }

    public JsonNode next(String event) {
      return until(message -> message.path("event").asText().equals(event)).getLast();
    }
  }
}
