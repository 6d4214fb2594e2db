package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestServer;
import dev.agentruntime.support.TestSocket;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client sees on its WebSocket, with the demo agent behind it. */
class SocketTest {

  @TempDir
  static Path directory;

  static TestServer server;
  static TestClient client;

  @BeforeAll
  static void start() {
    server = TestServer.start(directory, Map.of());
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

      var accepted = socket.ask(Json.text(Map.of("type", "session:message", "sessionId", session,
          "content", "say \"hello there\" in 4 deltas every 1 ms")));
      assertThat(accepted.path("event").asText()).isEqualTo("session:accepted");
      String turn = accepted.at("/data/turnId").asText();
      socket.await(frame -> frame.path("event").asText().equals("session:turn:completed")
          || frame.at("/data/turnId").asText().equals(turn) && frame.path("event").asText().equals("session:turn:completed"));
      client.post("/sessions/" + session + "/sync", "{}");
      SessionSnapshot now = Json.MAPPER.readValue(client.get("/sessions/" + session).body(), SessionSnapshot.class);
      if (fold.seq() < now.seq()) {
        socket.frames().stream().filter(frame -> frame.has("seq")).filter(frame -> frame.path("seq").asLong() <= now.seq())
            .forEach(fold::applyFrame);
      }
      assertThat(fold.snapshot()).isEqualTo(now);
    }
  }
}
