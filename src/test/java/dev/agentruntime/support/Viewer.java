package dev.agentruntime.support;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Somebody who looks on at a session over a WebSocket, and folds strictly what is told. Blocking, for tests. */
public final class Viewer implements AutoCloseable {

  public final TestSocket socket;
  private final String sessionId;
  private final List<JsonNode> events = new ArrayList<>();
  private String epoch;
  private EventFold fold;

  public Viewer(TestClient client, String sessionId) {
    this.socket = client.socket();
    this.sessionId = sessionId;
    join();
  }

  /** @return the answer's data */
  public JsonNode join() {
    return join(Json.object());
  }

  /** Joins again from where it left. */
  public JsonNode rejoin() {
    return join(Json.object().set("since", Json.object().put("epoch", epoch).put("seq", fold.seq())));
  }

  private JsonNode join(ObjectNode request) {
    return took(socket.ask(request.put("type", "session:join").put("sessionId", sessionId).toString()));
  }

  private JsonNode took(JsonNode joined) {
    JsonNode data = joined.path("data");
    if (!joined.path("event").asText().equals("session:joined")) {
      throw new AssertionError(joined);
    }
    if (data.has("snapshot") == data.path("recovered").asBoolean()) {
      throw new AssertionError("neither recovered nor a snapshot, or both: " + joined);
    }
    if (data.has("snapshot")) {
      fold = new EventFold(Json.to(data.path("snapshot"), SessionSnapshot.class));
    }
    epoch = data.path("epoch").asText();
    return data;
  }

  public void leave() {
    socket.ask(Json.object().put("type", "session:leave").put("sessionId", sessionId).toString());
  }

  /** Looks on until a frame like this comes. */
  public JsonNode until(Predicate<JsonNode> wanted) {
    return socket.await(frame -> {
      if (frame.has("seq")) {
        events.add(frame);
        fold.applyFrame(frame);
      } else if (frame.path("event").asText().equals("session:joined")) {
        took(frame);
      }
      return wanted.test(frame);
    });
  }

  /** Until a turn has ended and the session says that none runs. @return the completed turn's data */
  public JsonNode turn(String turnId) {
    JsonNode completed = until(frame -> frame.path("event").asText().equals("session:turn:completed")
        && frame.at("/data/turnId").asText().equals(turnId));
    until(frame -> frame.path("event").asText().equals("session:status") && frame.at("/data/runtime/turn").isNull());
    return completed.path("data");
  }

  /** Until the fold has come this far. */
  public EventFold upTo(long seq) {
    if (fold.seq() < seq) {
      until(frame -> fold.seq() >= seq);
    }
    return fold;
  }

  public EventFold fold() {
    return fold;
  }

  public String epoch() {
    return epoch;
  }

  /** Every event it was told of. */
  public List<JsonNode> events() {
    return events;
  }

  @Override
  public void close() {
    socket.close();
  }
}
