package dev.agentruntime;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TestSocket;
import dev.agentruntime.support.TestStream;
import dev.agentruntime.support.Viewer;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sessions from end to end: the server as it is started, clients on real connections, the demo agent in real processes, SQLite. */
class ServerIT {

  @TempDir
  Path directory;

  private Vertx vertx;
  private AgentRuntimeServer server;
  private TestClient client;

  @BeforeEach
  void start() {
    vertx = Vertx.vertx();
    Settings settings = TestRuntime.settings(directory, Map.of());
    server = new AgentRuntimeServer(vertx, AgentRuntime.create(vertx, settings, AgentRuntime.persistence(vertx, settings)));
    assertThat(await(server.start())).isEqualTo("http://127.0.0.1:" + server.port());
    client = new TestClient("127.0.0.1", server.port(), null);
  }

  @AfterEach
  void stop() {
    await(server.stop());
    await(vertx.close());
    new SandboxTraces(directory).awaitNothing();
  }

  private void foldsToTheSnapshot(String id, Viewer viewer) {
    byte[] now = client.get("/sessions/" + id).body();
    assertThat(viewer.upTo(Follower.snapshot(now).seq()).snapshot()).isEqualTo(Follower.snapshot(now));
  }

  @Test
  void allViewersSeeTheSameAndItIsTheSnapshot() {
    String id = client.newSession();
    try (Viewer one = new Viewer(client, id); Viewer two = new Viewer(client, id)) {
      String turnId = client.say(id, "think a bit; say 20 deltas; write notes.txt: hello; run sleep 0.1; subagent; unicode");
      assertThat(one.turn(turnId).path("outcome").asText()).isEqualTo("success");
      two.turn(turnId);

      assertThat(two.events()).isEqualTo(one.events());
      assertThat(one.fold().files()).containsKey("notes.txt");
      assertThat(one.fold().subagents()).hasSize(1);
      foldsToTheSnapshot(id, one);
      foldsToTheSnapshot(id, two);
      assertThat(client.get("/sessions/" + id + "/files/notes.txt").text()).isEqualTo("hello");
    }
  }

  @Test
  void serverSentEventsGoOnWhereTheReaderLeft() {
    String id = client.newSession();
    List<JsonNode> streamed = new ArrayList<>();
    String last = null;
    try (Viewer viewer = new Viewer(client, id)) {
      String turnId;
      try (TestStream stream = new TestStream(server.port(), id, null)) {
        assertThat(stream.status()).isEqualTo(200);
        assertThat(stream.next().name()).isEqualTo("session:joined");
        turnId = client.say(id, "say 50 deltas every 5 ms");
        while (streamed.size() < 20) {
          TestStream.Event event = stream.next();
          assertThat(event.id()).isEqualTo(viewer.epoch() + ":" + event.data().path("seq").asLong());
          streamed.add(event.data());
          last = event.id();
        }
      }
      viewer.turn(turnId);
      try (TestStream stream = new TestStream(server.port(), id, last)) {
        TestStream.Event joined = stream.next();
        assertThat(joined.data().at("/data/recovered").asBoolean()).as(joined.toString()).isTrue();
        while (streamed.getLast().path("seq").asLong() < viewer.fold().seq()) {
          streamed.add(stream.next().data());
        }
      }
      assertThat(parts(streamed)).isEqualTo(parts(viewer.events()));
    }
  }

  /** Each number with its event; a merged frame counts as all that it stands for. */
  private static List<String> parts(List<JsonNode> events) {
    List<String> parts = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    for (JsonNode event : events) {
      for (long seq = event.path("firstSeq").asLong(event.path("seq").asLong()); seq <= event.path("seq").asLong(); seq++) {
        parts.add(seq + " " + event.path("event").asText());
      }
      text.append(event.at("/data/delta").asText());
    }
    parts.add(text.toString());
    return parts;
  }

  @Test
  void whoComesBackMissesNothing() {
    String id = client.newSession();
    try (Viewer viewer = new Viewer(client, id); Viewer other = new Viewer(client, id)) {
      viewer.turn(client.say(id, "say one"));
      viewer.leave();
      String turnId = client.say(id, "say two");
      other.turn(turnId);
      assertThat(viewer.rejoin().path("recovered").asBoolean()).isTrue();
      viewer.turn(turnId);
      foldsToTheSnapshot(id, viewer);

      client.post("/sessions/" + id + "/unload", "{}");
      assertThat(viewer.rejoin().path("recovered").asBoolean()).as("another epoch").isFalse();
      assertThat(viewer.fold().blocks()).extracting(Block::text).contains("one", "two");
    }
  }

  @Test
  void whoStaysIsToldWhenTheSessionIsLoadedAgain() {
    String id = client.newSession();
    try (Viewer viewer = new Viewer(client, id)) {
      String epoch = viewer.epoch();
      viewer.turn(client.say(id, "say before"));
      client.post("/sessions/" + id + "/unload", "{}");
      String turnId = client.say(id, "say after");
      viewer.until(frame -> frame.path("event").asText().equals("session:joined"));
      assertThat(viewer.epoch()).isNotEqualTo(epoch);
      viewer.turn(turnId);
      assertThat(viewer.fold().blocks()).extracting(Block::text).contains("before", "after");
      foldsToTheSnapshot(id, viewer);
    }
  }

  @Test
  void aWatcherIsToldWhatComesAndGoes() {
    try (TestSocket socket = client.socket()) {
      socket.ask("{\"type\":\"sessions:watch\"}");
      String id = client.newSession();
      assertThat(socket.next("session:created").at("/data/sessionId").asText()).isEqualTo(id);
      client.say(id, "say hello");
      assertThat(socket.next("session:loaded").at("/data/sessionId").asText()).isEqualTo(id);
      assertThat(socket.next("session:status").has("seq")).isFalse();
      client.post("/sessions/" + id + "/unload", "{}");
      assertThat(socket.next("session:unloaded").at("/data/sessionId").asText()).isEqualTo(id);
      client.delete("/sessions/" + id);
      assertThat(socket.next("session:deleted").at("/data/sessionId").asText()).isEqualTo(id);
      assertThat(client.get("/sessions/" + id).code()).isEqualTo("SESSION_NOT_FOUND");
    }
  }

  @Test
  void aConversationGoesOnAfterARestartOfTheServer() {
    String id = client.newSession();
    Viewer before = new Viewer(client, id);
    before.turn(client.say(id, "say \"first words\"; write notes.txt: hello"));
    await(server.stop());
    assertThat(before.socket.closeCode()).isEqualTo(1001);
    await(vertx.close());

    start();
    try (Viewer after = new Viewer(client, id)) {
      assertThat(after.epoch()).isNotEqualTo(before.epoch());
      assertThat(after.fold().blocks()).isEqualTo(before.fold().blocks());
      assertThat(after.fold().files()).isEqualTo(before.fold().files());
      after.turn(client.say(id, "recall"));
      assertThat(after.fold().blocks().getLast().text()).contains("first words");
      foldsToTheSnapshot(id, after);
    }
  }

  @Test
  void aServerThatStopsTakesNoNewWorkAndSaysSo() {
    String id = client.newSession();
    assertThat(client.get("/health/ready").status()).isEqualTo(200);
    TestSocket socket = client.socket();
    socket.ask("{\"type\":\"ping\"}");

    await(server.stop());
    assertThat(socket.closeCode()).isEqualTo(1001);
    assertThat(client.get("/health").status()).as("alive").isEqualTo(200);
    TestClient.Answer ready = client.get("/health/ready");
    assertThat(ready.status()).isEqualTo(503);
    assertThat(ready.code()).isEqualTo("NOT_READY");
    assertThat(client.post("/sessions/create", "{\"agentProfileRef\":\"demo\"}").code()).isEqualTo("NOT_READY");
    assertThat(client.post("/sessions/" + id + "/message", "{\"content\":\"say hello\"}").code()).isEqualTo("NOT_READY");
  }
}
