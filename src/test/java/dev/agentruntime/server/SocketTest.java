package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestServer;
import dev.agentruntime.support.TestSocket;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a client sees on its WebSocket, with the demo agent behind it. */
class SocketTest {

  @TempDir
  static Path directory;

  private static final int LIMIT = 65_536;

  static TestServer server;
  static TestClient client;

  @BeforeAll
  static void start() {
    server = TestServer.start(directory, Map.of("AGENT_RUNTIME_LIMITS_REQUEST_BYTES", String.valueOf(LIMIT)));
    client = server.client();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void aTurnIsFollowedFromTheSnapshotToItsEnd() throws Exception {
    String session = client.newSession();
    try (TestSocket socket = client.socket()) {
      var joined = socket.ask("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}");
      assertThat(joined.path("event").asText()).isEqualTo("session:joined");
      assertThat(joined.at("/data/recovered").asBoolean()).isFalse();
      EventFold fold = new EventFold(Json.to(joined.at("/data/snapshot"), SessionSnapshot.class));

      assertThat(socket.ask(Json.text(Map.of("type", "session:message", "sessionId", session,
          "content", "say \"hello there\" in 4 deltas every 1 ms"))).path("event").asText()).isEqualTo("session:accepted");
      socket.next("session:turn:completed");
      SessionSnapshot now = Json.MAPPER.readValue(client.get("/sessions/" + session).body(), SessionSnapshot.class);
      assertThat(socket.ask("{\"type\":\"ping\"}").path("event").asText()).isEqualTo("pong");
      socket.frames().stream().filter(frame -> frame.has("seq") && frame.path("seq").asLong() <= now.seq()).forEach(fold::applyFrame);
      assertThat(fold.snapshot()).isEqualTo(now);
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '\0', value = {
      "{}                                                      | INVALID_REQUEST",
      "[]                                                      | INVALID_REQUEST",
      "1                                                       | INVALID_REQUEST",
      "{\"type\":1}                                            | INVALID_REQUEST",
      "{\"type\":\"no:such\"}                                  | INVALID_REQUEST",
      "{\"type\":\"ping\",\"extra\":1}                         | INVALID_REQUEST",
      "{\"type\":\"session:join\"}                             | INVALID_REQUEST",
      "{\"type\":\"session:join\",\"sessionId\":5}             | INVALID_REQUEST",
      "{\"type\":\"session:join\",\"sessionId\":\"x\"}         | SESSION_NOT_FOUND",
      "{\"type\":\"session:leave\",\"sessionId\":\"x\"}        | SESSION_NOT_FOUND",
      "{\"type\":\"session:interrupt\",\"sessionId\":\"00000000-0000-0000-0000-000000000000\"} | SESSION_NOT_FOUND",
      "{\"type\":\"session:message\",\"sessionId\":\"00000000-0000-0000-0000-000000000000\",\"content\":\"x\"} | SESSION_NOT_FOUND",
      "{\"type\":\"session:message\",\"sessionId\":\"00000000-0000-0000-0000-000000000000\",\"content\":7} | INVALID_REQUEST",
      "not json                                                | INVALID_REQUEST"})
  void aBadMessageIsAnsweredAndTheSocketStaysOpen(String message, String code) {
    try (TestSocket socket = client.socket()) {
      socket.send(message);
      assertThat(socket.next("error").at("/data/code").asText()).isEqualTo(code);
      assertThat(socket.ask("{\"type\":\"ping\"}").path("event").asText()).isEqualTo("pong");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "\"a\"", "null", "{\"a\":[1,2]}", "[true]", "1.5"})
  void anyIdIsEchoed(String id) throws Exception {
    try (TestSocket socket = client.socket()) {
      socket.send("{\"type\":\"ping\",\"id\":" + id + "}");
      assertThat(socket.next("pong").path("id")).isEqualTo(Json.tree(id));
      socket.send("{\"type\":\"nothing\",\"id\":" + id + "}");
      assertThat(socket.next("error").path("id")).isEqualTo(Json.tree(id));
    }
  }

  @Test
  void notJsonTwiceInARowCloses() {
    try (TestSocket socket = client.socket()) {
      socket.send("{").next("error");
      socket.send("{\"type\":\"ping\"}").next("pong");
      socket.sendBinary(new byte[] {1}).next("error");
      socket.send("}");
      assertThat(socket.closeCode()).isEqualTo(4008);
    }
  }

  @Test
  void aMessageOverTheLimitClosesHoweverItIsCut() {
    String half = " ".repeat(LIMIT / 2 + 1);
    try (TestSocket whole = client.socket(); TestSocket parts = client.socket()) {
      whole.send(half + half);
      assertThat(whole.closeCode()).isEqualTo(4008);
      parts.sendPart(half, false).sendPart(half, true);
      assertThat(parts.closeCode()).isEqualTo(4008);
    }
  }

  @Test
  void framesThatNeverEndOrAreBrokenClose() {
    try (RawSocket endless = new RawSocket(server.port, 0).upgrade(""); RawSocket unmasked = new RawSocket(server.port, 0).upgrade("");
         RawSocket reserved = new RawSocket(server.port, 0).upgrade("")) {
      endless.frame(false, RawSocket.TEXT, new byte[0]);
      for (int i = 0; i < 4_096; i++) {
        endless.frame(false, RawSocket.CONTINUATION, new byte[0]);
      }
      assertThat(endless.closeCode()).isEqualTo(4008);
      assertThat(unmasked.send(new byte[] {(byte) 0x81, 2, '{', '}'}).closeCode()).isEqualTo(1002);
      assertThat(reserved.send(new byte[] {(byte) 0xb1, (byte) 0x80, 0, 0, 0, 0}).closeCode()).isEqualTo(1002);
    }
  }

  @Test
  void messagesAreHandledInOrder() {
    String session = client.newSession();
    try (TestSocket socket = client.socket()) {
      for (int i = 0; i < 50; i++) {
        socket.send("{\"type\":\"session:join\",\"id\":\"j" + i + "\",\"sessionId\":\"" + session + "\"}");
        socket.send("{\"type\":\"ping\",\"id\":\"p" + i + "\"}");
        socket.send("{\"type\":\"session:leave\",\"id\":\"l" + i + "\",\"sessionId\":\"" + session + "\"}");
      }
      for (int i = 0; i < 50; i++) {
        assertThat(socket.next().path("id").asText()).isEqualTo("j" + i);
        assertThat(socket.next().path("id").asText()).isEqualTo("p" + i);
        assertThat(socket.next().path("id").asText()).isEqualTo("l" + i);
      }
    }
  }

  @Test
  void aClientComesBackToWhereItWas() {
    String session = client.newSession();
    try (TestSocket socket = client.socket()) {
      var joined = socket.ask("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}").path("data");
      client.say(session, "say \"a b c\" in 3 deltas every 1 ms");
      long last = socket.next("session:turn:completed").path("seq").asLong();
      String since = ",\"since\":{\"epoch\":\"%s\",\"seq\":%d}}";
      var again = socket.ask(("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"" + since).formatted(
          joined.path("epoch").asText(), 1)).path("data");
      assertThat(again.path("recovered").asBoolean()).isTrue();
      assertThat(again.has("snapshot")).isFalse();
      for (long expected = 2; expected <= last;) {
        var frame = socket.await(event -> event.has("seq"));
        assertThat(frame.path("firstSeq").asLong(frame.path("seq").asLong())).isEqualTo(expected);
        expected = frame.path("seq").asLong() + 1;
      }
      var stranger = socket.ask(("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"" + since).formatted("other", 1)).path("data");
      assertThat(stranger.path("recovered").asBoolean()).isFalse();
      assertThat(stranger.has("snapshot")).isTrue();
    }
  }

  @Test
  void unloadedSessionsStayJoinedAndDeletedOnesLeave() {
    String session = client.newSession();
    try (TestSocket socket = client.socket()) {
      var first = socket.ask("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}").path("data");
      client.post("/sessions/" + session + "/unload", "{}");
      client.get("/sessions/" + session);
      var second = socket.next("session:joined");
      assertThat(second.has("id")).isFalse();
      assertThat(second.at("/data/recovered").asBoolean()).isFalse();
      assertThat(second.at("/data/epoch")).isNotEqualTo(first.path("epoch"));
      assertThat(second.at("/data/snapshot/sessionId").asText()).isEqualTo(session);
      client.delete("/sessions/" + session);
      assertThat(socket.next("session:left").at("/data/reason").asText()).isEqualTo("deleted");
    }
  }

  @Test
  void watchersAreToldOfTheCollection() {
    try (TestSocket socket = client.socket()) {
      assertThat(socket.ask("{\"type\":\"sessions:watch\"}").path("event").asText()).isEqualTo("sessions:watching");
      String session = client.newSession();
      assertThat(socket.next("session:created").at("/data/session/sessionId").asText()).isEqualTo(session);
      client.get("/sessions/" + session);
      assertThat(socket.next("session:loaded").at("/data/sessionId").asText()).isEqualTo(session);
      client.post("/sessions/" + session + "/unload", "{}");
      assertThat(socket.next("session:unloaded").has("seq")).isFalse();
      client.delete("/sessions/" + session);
      socket.next("session:deleted");
      socket.ask("{\"type\":\"sessions:unwatch\"}");
      client.newSession();
      assertThat(socket.ask("{\"type\":\"ping\"}").path("event").asText()).isEqualTo("pong");
      assertThat(socket.frames().stream().filter(frame -> frame.path("event").asText().equals("session:created"))).hasSize(1);
    }
  }

  @Test
  void everyFrameIsAsTheDocumentSays() {
    ApiDocuments documents = new ApiDocuments();
    String session = client.newSession();
    try (TestSocket socket = client.socket()) {
      socket.ask("{\"type\":\"sessions:watch\"}");
      socket.ask("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}");
      socket.ask("{\"type\":\"nothing\"}");
      client.say(session, "think \"hm\"; say \"x y\" in 2 deltas every 1 ms; write a.txt: hello; delete a.txt");
      socket.next("session:turn:completed");
      client.delete("/sessions/" + session);
      socket.next("session:left");
      socket.next("session:deleted");
      for (var frame : socket.frames()) {
        assertThat(documents.mistakes("asyncapi.json", "ServerFrame", frame)).as(frame.toString()).isEmpty();
      }
    }
  }
}
