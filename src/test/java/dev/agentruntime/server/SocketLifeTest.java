package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TestServer;
import dev.agentruntime.support.TestSocket;
import java.nio.file.Path;
import java.util.HashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may open a WebSocket, for how long, and how it is told to go. */
class SocketLifeTest {

  private static final String PING = "{\"type\":\"ping\"}";

  @TempDir
  Path directory;

  private TestServer server;

  private void start(String... settings) {
    var environment = new HashMap<String, String>();
    for (int i = 0; i < settings.length; i += 2) {
      environment.put("AGENT_RUNTIME_" + settings[i], settings[i + 1]);
    }
    server = TestServer.start(directory, environment);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void aKeyIsNeededInTheHeaderOrTheFirstFrame() {
    start("API_KEYS", "one,two");
    try (TestSocket header = server.client("two").socket(); TestSocket frame = server.client().socket();
         TestSocket wrongHeader = server.client("three").socket(); TestSocket wrongFrame = server.client().socket();
         TestSocket other = server.client().socket(); TestSocket large = server.client().socket()) {
      assertThat(header.ask(PING).path("event").asText()).isEqualTo("pong");
      assertThat(frame.ask("{\"type\":\"auth\",\"token\":\"one\"}").path("event").asText()).isEqualTo("authenticated");
      assertThat(frame.ask(PING).path("event").asText()).isEqualTo("pong");
      assertThat(wrongHeader.closeCode()).isEqualTo(4001);
      assertThat(wrongFrame.send("{\"type\":\"auth\",\"token\":\"three\"}").closeCode()).isEqualTo(4001);
      assertThat(other.send(PING).closeCode()).isEqualTo(4001);
      assertThat(large.send("{\"type\":\"auth\",\"token\":\"" + "x".repeat(10_000) + "\"}").closeCode()).isEqualTo(4008);
    }
  }

  @Test
  void whoDoesNotSayWhoTheyAreIsSentAway() {
    start("API_KEYS", "one", "SOCKETS_AUTH_TIMEOUT_MS", "50");
    try (TestSocket silent = server.client().socket()) {
      assertThat(silent.closeCode()).isEqualTo(4001);
      assertThat(silent.frames()).isEmpty();
    }
  }

  @Test
  void pagesOfOtherSitesMayNotWithoutAKey() {
    start();
    try (RawSocket foreign = new RawSocket(server.port, 0).upgrade("Origin: https://evil.example\r\n");
         RawSocket own = new RawSocket(server.port, 0).upgrade("Origin: http://localhost:8080\r\n")) {
      assertThat(foreign.closeCode()).isEqualTo(4003);
      assertThat(own.text(PING).message()).contains("pong");
    }
  }

  @Test
  void thereAreNoMoreThanMayBe() {
    start("SOCKETS_MAX_CONNECTIONS", "2");
    try (TestSocket first = server.client().socket(); TestSocket second = server.client().socket();
         TestSocket third = server.client().socket()) {
      assertThat(third.closeCode()).isEqualTo(1013);
      assertThat(first.ask(PING).path("event").asText()).isEqualTo("pong");
      assertThat(second.ask(PING).path("event").asText()).isEqualTo("pong");
    }
  }

  @Test
  void aServerThatDrainsSaysSo() {
    start();
    String session = server.client().newSession();
    try (TestSocket socket = server.client().socket(); RawSocket stream = new RawSocket(server.port, 0)) {
      stream.send("GET /sessions/" + session + "/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      assertThat(stream.eventData()).contains("session:joined");
      TestRuntime.await(server.api.drain());
      assertThat(socket.closeCode()).isEqualTo(1001);
      assertThat(stream.rest()).endsWith("0\r\n\r\n");
    }
    try (TestSocket late = server.client().socket()) {
      assertThat(late.closeCode()).isEqualTo(1001);
    }
  }

  @Test
  void whoIsSilentIsDroppedAndWhoAnswersIsNot() {
    start("SOCKETS_PING_INTERVAL_MS", "200");
    try (TestSocket answers = server.client().socket(); RawSocket silent = new RawSocket(server.port, 0).upgrade("")) {
      assertThat(silent.frame().opcode()).isEqualTo(RawSocket.PING);
      assertThat(silent.closeCode()).isEqualTo(-1);
      assertThat(answers.ask(PING).path("event").asText()).isEqualTo("pong");
      assertThat(answers.isClosed()).isFalse();
    }
  }
}
