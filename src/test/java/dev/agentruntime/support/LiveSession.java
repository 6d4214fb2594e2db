package dev.agentruntime.support;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** A session as a client has it: asked over REST, followed and folded over a WebSocket. Blocking, for tests. */
public final class LiveSession implements AutoCloseable {

  public final String id;
  public final EventFold fold;
  /** Every event since it was joined. */
  public final List<JsonNode> events = new ArrayList<>();
  private final TestClient client;
  private final TestSocket socket;

  private LiveSession(TestClient client, String id) {
    this.client = client;
    this.id = id;
    this.socket = client.socket();
    JsonNode joined = socket.ask("{\"type\":\"session:join\",\"sessionId\":\"" + id + "\"}");
    this.fold = new EventFold(snapshot(joined.path("data").path("snapshot")));
  }

  private static SessionSnapshot snapshot(JsonNode json) {
    try {
      return Json.MAPPER.treeToValue(json, SessionSnapshot.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static LiveSession create(TestClient client, String profile) {
    TestClient.Answer answer = client.post("/sessions/create", Json.object().put("agentProfileRef", profile).toString());
    assertThat(answer.status()).as(answer.text()).isEqualTo(201);
    return join(client, answer.json().path("sessionId").asText());
  }

  public static LiveSession join(TestClient client, String id) {
    return new LiveSession(client, id);
  }

  /** @return what was accepted: {@code turnId}, {@code messageId} */
  public JsonNode say(String text) {
    return say(TextNode.valueOf(text));
  }

  /** @param content a string or a list of parts */
  public JsonNode say(JsonNode content) {
    TestClient.Answer answer = client.post("/sessions/" + id + "/message", Json.object().set("content", content).toString());
    assertThat(answer.status()).as(answer.text()).isEqualTo(202);
    return answer.json();
  }

  /** @param whenBusy as clients say it. @return what the server answered, be it a refusal */
  public TestClient.Answer send(String text, String whenBusy) {
    return client.post("/sessions/" + id + "/message", Json.object().put("content", text).put("whenBusy", whenBusy).toString());
  }

  /** @return the completed turn's data */
  public JsonNode runs(String text) {
    return ended(say(text));
  }

  public JsonNode ended(JsonNode accepted) {
    return await(event -> event.path("event").asText().equals("session:turn:completed")
        && event.path("data").path("turnId").equals(accepted.path("turnId"))).path("data");
  }

  /** Folds the events up to the first like this one among those not folded yet. */
  public JsonNode await(Predicate<JsonNode> wanted) {
    return socket.await(frame -> {
      if (!frame.has("seq")) {
        return false;
      }
      events.add(frame);
      fold.applyFrame(frame);
      return wanted.test(frame);
    });
  }

  /** Waits for the beginning of a block of the main conversation that fits. */
  public JsonNode awaitBlock(Predicate<JsonNode> wanted) {
    return await(event -> event.path("event").asText().startsWith("session:block:") && wanted.test(event.path("data"))).path("data");
  }

  public void interrupt() {
    assertThat(client.post("/sessions/" + id + "/interrupt", "{}").status()).isEqualTo(202);
  }

  public void unload() {
    assertThat(client.post("/sessions/" + id + "/unload", "{}").status()).isEqualTo(200);
  }

  public void options(ObjectNode options) {
    TestClient.Answer answer = client.patch("/sessions/" + id + "/options", Json.object().set("sessionOptions", options).toString());
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
  }

  /** The blocks of the main conversation of one type. */
  public <B extends Block> List<B> blocks(Class<B> type) {
    return fold.blocks().stream().filter(type::isInstance).map(type::cast).toList();
  }

  public List<String> texts() {
    return blocks(Block.AssistantText.class).stream().map(Block.AssistantText::content).toList();
  }

  /** What REST answers now; what led to it is folded. */
  public SessionSnapshot stored() {
    SessionSnapshot stored = snapshot(client.get("/sessions/" + id).json());
    while (fold.seq() < stored.seq()) {
      await(event -> true);
    }
    return stored;
  }

  /** A turn that ends well. */
  public void succeeds(String text) {
    assertSucceeded(runs(text));
  }

  /** @param turn as it ended */
  public static void assertSucceeded(JsonNode turn) {
    assertThat(turn.path("outcome").asText()).as(turn.toString()).isEqualTo("success");
  }

  /** What a client folded is what the server answers, and nothing is left open. */
  public void assertWhole() {
    assertThat(fold.open()).isEmpty();
    SessionSnapshot stored = stored();
    assertThat(fold.snapshot()).isEqualTo(stored);
  }

  /** The session, unloaded and loaded again, which shows what it showed before. */
  public LiveSession reloaded() {
    assertWhole();
    SessionSnapshot before = fold.snapshot();
    unload();
    LiveSession later = join(client, id);
    SessionSnapshot after = later.fold.snapshot();
    assertThat(after.epoch()).isNotEqualTo(before.epoch());
    assertThat(after.blocks()).isEqualTo(before.blocks());
    assertThat(after.subagents()).isEqualTo(before.subagents());
    assertThat(after.usage()).isEqualTo(before.usage());
    assertThat(after.workspaceFiles()).isEqualTo(before.workspaceFiles());
    return later;
  }

  @Override
  public void close() {
    socket.close();
  }
}
