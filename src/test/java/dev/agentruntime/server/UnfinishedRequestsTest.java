package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TestServer;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients that never finish what they say are cut off; those who are answered, slowly or for ever, are not. */
class UnfinishedRequestsTest {

  private final Vertx vertx = Vertx.vertx();
  private volatile SlowClients slowClients;
  private HttpServer server;

  @BeforeEach
  void start() {
    Promise<HttpServer> listening = Promise.promise();
    vertx.runOnContext(nothing -> {
      slowClients = new SlowClients(vertx, 200, 400);
      vertx.createHttpServer(new HttpServerOptions().setHttp2ClearTextEnabled(false)).connectionHandler(slowClients::opened).requestHandler(request -> {
        slowClients.asked(request);
        answer(request);
      }).listen(0, "127.0.0.1").onComplete(listening);
    });
    server = TestRuntime.await(listening.future());
  }

  @AfterEach
  void stop() {
    TestRuntime.await(vertx.close());
  }

  private void answer(HttpServerRequest request) {
    switch (request.path()) {
      case "/ws" -> request.toWebSocket();
      case "/slow" -> request.response().setChunked(true).write("first");
      default -> request.body().onSuccess(body -> request.response().end("read " + body.length()));
    }
  }

  @Test
  void whoSaysNothingOrHalfARequestIsCutOff() {
    try (RawSocket nothing = new RawSocket(server.actualPort(), 0); RawSocket head = new RawSocket(server.actualPort(), 0);
         RawSocket body = new RawSocket(server.actualPort(), 0); RawSocket kept = new RawSocket(server.actualPort(), 0)) {
      head.send("GET / HTTP/1.1\r\nHost: loc");
      body.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
      kept.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
      assertThat(nothing.rest()).isEmpty();
      assertThat(head.rest()).isEmpty();
      assertThat(body.rest()).isEmpty();
      assertThat(kept.rest()).endsWith("read 0");
    }
  }

  @Test
  void theServersLimitsAreItsSettings(@TempDir Path directory) {
    try (TestServer limited = TestServer.start(directory,
             Map.of("AGENT_RUNTIME_LIMITS_REQUEST_HEAD_MS", "200", "AGENT_RUNTIME_LIMITS_REQUEST_BODY_MS", "300"));
         RawSocket head = new RawSocket(limited.port, 0); RawSocket body = new RawSocket(limited.port, 0)) {
      head.send("GET / HTTP/1.1\r\nHost: loc");
      body.send("POST /sessions/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\nhalf");
      assertThat(head.rest()).isEmpty();
      assertThat(body.rest()).isEmpty();
    }
  }

  @Test
  void whoIsAnsweredMayTakeLong() throws InterruptedException {
    try (RawSocket slow = new RawSocket(server.actualPort(), 0); RawSocket socket = new RawSocket(server.actualPort(), 0).upgrade("")) {
      slow.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
      assertThat(slow.head()).startsWith("HTTP/1.1 200");
      CountDownLatch longAfter = new CountDownLatch(1);
      vertx.setTimer(1_000, timer -> longAfter.countDown());
      assertThat(longAfter.await(60, TimeUnit.SECONDS)).isTrue();
      assertThat(slowClients.watched()).as("the answered one; the WebSocket is not watched here").isEqualTo(1);
      assertThat(slow.line()).startsWith("5");
      socket.frame(true, RawSocket.PING, new byte[0]);
      assertThat(socket.frame().opcode()).isEqualTo(RawSocket.PONG);
    }
  }
}
