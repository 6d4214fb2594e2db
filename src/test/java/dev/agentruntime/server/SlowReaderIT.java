package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestServer;
import dev.agentruntime.support.TestSocket;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A client that stops reading while 100 000 deltas go by: it costs little, disturbs nobody, and has all of it in the end. */
class SlowReaderIT {

  private static final int DELTAS = 100_000;

  /** So many blocks, since a completed block is one frame, and a frame that was begun is held until it is sent. */
  private static final int BLOCKS = 20;

  /** Beside this the kernel holds its send buffer, twice the 64 KiB that are asked for; together that is less than 256 KiB. */
  private static final long MOST_BYTES = 96 * 1024;

  @TempDir
  static Path directory;

  static TestServer server;
  static TestClient client;

  @BeforeAll
  static void start() {
    server = TestServer.start(directory, Map.of("AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", String.valueOf(1 << 20)));
    client = server.client();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  /** Folds deltas in a way that 100 000 of them do not matter. */
  private static final class Text {
    private final StringBuilder text = new StringBuilder();
    private long seq;
    private boolean complete;
    private int frames;

    void frame(JsonNode frame) {
      String event = frame.path("event").asText();
      if (event.equals("session:joined")) {
        seq = frame.at("/data/seq").asLong();
        text.setLength(0);
        frame.at("/data/snapshot/blocks").forEach(this::block);
        complete = !text.isEmpty() && frame.at("/data/snapshot/runtime/turn").isNull();
      } else if (frame.has("seq")) {
        assertThat(frame.path("firstSeq").asLong(frame.path("seq").asLong())).isEqualTo(seq + 1);
        seq = frame.path("seq").asLong();
        frames++;
        switch (event) {
          case "session:block:start" -> block(frame.at("/data/block"));
          case "session:block:delta" -> text.append(frame.at("/data/delta").asText());
          case "session:turn:completed" -> complete = true;
          default -> { }
        }
      }
    }

    private void block(JsonNode block) {
      if (block.path("type").asText().equals("assistant_text")) {
        text.append(block.path("content").asText());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"socket", "stream"})
  void aClientThatStopsReadingIsBoundedAndHasAllInTheEnd(String kind) throws IOException {
    String session = client.newSession();
    var before = server.api.streams().connections();
    try (RawSocket slow = new RawSocket(server.port, 16_384)) {
      Text slowText = new Text();
      if (kind.equals("socket")) {
        slow.upgrade("").text("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}");
        slowText.frame(Json.tree(slow.message()));
      } else {
        slow.send("GET /sessions/" + session + "/events HTTP/1.0\r\nHost: localhost\r\n\r\n");
        assertThat(slow.head()).startsWith("HTTP/1.0 200");
      }
      ClientStreams.Connection stalled = server.api.streams().connections().stream()
          .filter(connection -> !before.contains(connection)).findFirst().orElseThrow();
      TestSocket quick = client.socket();
      Text quickText = new Text();
      quickText.frame(quick.ask("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}"));

      client.say(session, String.join("; ", Collections.nCopies(BLOCKS, "flood " + DELTAS / BLOCKS)));
      long most = 0;
      while (!quickText.complete) {
        quickText.frame(quick.next());
        most = Math.max(most, stalled.bytesHeld());
      }
      quick.close();
      assertThat(quickText.frames).isGreaterThan(100);
      assertThat(most).as("bytes held for the one that does not read").isBetween(10_000L, MOST_BYTES);

      while (!slowText.complete) {
        slowText.frame(Json.tree(kind.equals("socket") ? slow.message() : slow.eventData()));
      }
      assertThat(slowText.text.toString()).isEqualTo(quickText.text.toString()).hasSizeGreaterThan(DELTAS * 5);
    }
  }

  private static long waiting() {
    MeterRegistry registry = server.runtime.runtime.metrics().registry();
    return (long) registry.get("agent.runtime.bytes.waiting").gauge().value();
  }

  @Test
  void aClientThatDoesNotReadItsAnswersIsNotReadEither() {
    try (RawSocket slow = new RawSocket(server.port, 4_096).upgrade("")) {
      String ping = "{\"type\":\"ping\",\"id\":\"" + "x".repeat(2_000) + "\"}";
      int sent = 5_000;
      Thread asking = Thread.ofVirtual().start(() -> {
        for (int i = 0; i < sent; i++) {
          slow.text(ping);
        }
      });
      long most = 0;
      for (int i = 0; i < sent; i++) {
        assertThat(slow.message()).contains("pong");
        most = Math.max(most, waiting());
      }
      assertThat(most).isLessThan(MOST_BYTES);
      assertThat(asking.isAlive()).isFalse();
    }
  }
}
