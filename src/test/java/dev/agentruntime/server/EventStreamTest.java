package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestServer;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Server-sent events: the WebSocket's events in another dress. */
class EventStreamTest {

  @TempDir
  static Path directory;

  static TestServer server;
  static TestClient client;

  @BeforeAll
  static void start() {
    server = TestServer.start(directory, Map.of("AGENT_RUNTIME_SOCKETS_PING_INTERVAL_MS", "100"));
    client = server.client();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static RawSocket open(String session, String headers) {
    RawSocket raw = new RawSocket(server.port, 0);
    raw.send("GET /sessions/" + session + "/events HTTP/1.0\r\nHost: localhost\r\n" + headers + "\r\n");
    assertThat(raw.head()).startsWith("HTTP/1.0 200").containsIgnoringCase("content-type: text/event-stream");
    return raw;
  }

  @Test
  void aTurnIsFollowedAndTakenUpAgain() throws Exception {
    String session = client.newSession();
    String epoch;
    long last;
    try (RawSocket stream = open(session, "")) {
      JsonNode joined = Json.tree(stream.eventData());
      epoch = joined.at("/data/epoch").asText();
      EventFold fold = new EventFold(Json.to(joined.at("/data/snapshot"), SessionSnapshot.class));
      client.say(session, "say \"hello\" in 2 deltas every 1 ms");
      JsonNode frame;
      do {
        frame = Json.tree(stream.eventData());
        fold.applyFrame(frame);
      } while (!frame.path("event").asText().equals("session:turn:completed"));
      last = frame.path("seq").asLong();
      assertThat(fold.completedTurns()).hasSize(1);
    }
    try (RawSocket again = open(session, "Last-Event-ID: " + epoch + ":" + (last - 1) + "\r\n")) {
      JsonNode joined = Json.tree(again.eventData());
      assertThat(joined.at("/data/recovered").asBoolean()).isTrue();
      assertThat(joined.at("/data").has("snapshot")).isFalse();
      assertThat(Json.tree(again.eventData()).path("event").asText()).isEqualTo("session:turn:completed");
    }
    try (RawSocket confused = open(session, "Last-Event-ID: nonsense\r\n")) {
      assertThat(Json.tree(confused.eventData()).at("/data/recovered").asBoolean()).isFalse();
    }
  }

  @Test
  void eventsHaveTheirPlaceAsIdAndTheStreamStaysAlive() throws Exception {
    String session = client.newSession();
    try (RawSocket stream = open(session, "")) {
      String id = stream.line();
      assertThat(stream.line()).isEqualTo("event: session:joined");
      String epoch = Json.tree(stream.eventData()).at("/data/epoch").asText();
      assertThat(id).startsWith("id: " + epoch + ":");
      assertThat(stream.line()).isEmpty();
      assertThat(stream.line()).startsWith(":");
      client.delete("/sessions/" + session);
      assertThat(stream.rest()).contains("event: session:left\ndata: {").contains("\"reason\":\"deleted\"");
    }
  }
}
