package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TestSocket;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.WebSocket;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketClientOptions;
import io.vertx.core.http.WebSocketConnectOptions;
import io.vertx.core.net.SelfSignedCertificate;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The API in an application's own HTTP server, also with TLS and with compression. */
class MountedTest {

  @TempDir
  Path directory;

  private TestRuntime runtime;
  private HttpServer server;

  private ClientApi api(Map<String, String> settings) {
    // Enough for a client that is slower than the flood never to need a snapshot.
    Map<String, String> environment = new HashMap<>(Map.of("AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", String.valueOf(1 << 24)));
    environment.putAll(settings);
    runtime = TestRuntime.start(directory, environment);
    return new ClientApi(runtime.vertx, runtime.runtime.settings(), runtime.sessions(), runtime.runtime.metrics(),
        Authentication.of(runtime.runtime.settings()));
  }

  @AfterEach
  void stop() {
    TestRuntime.await(server.close());
    runtime.close();
  }

  private void listen(HttpServer made) {
    server = TestRuntime.await(made.listen(0, "127.0.0.1"));
  }

  @Test
  void underAPrefixBesideTheApplicationsOwnRoutes() {
    ClientApi api = api(Map.of());
    Router router = Router.router(runtime.vertx);
    router.get("/own").handler(context -> context.end("mine"));
    router.route("/agents/*").subRouter(api.router());
    listen(runtime.vertx.createHttpServer().requestHandler(router));
    TestClient client = new TestClient("127.0.0.1", server.actualPort(), null);

    assertThat(client.get("/own").text()).isEqualTo("mine");
    TestClient.Answer created = client.post("/agents/sessions/create", "{\"agentProfileRef\":\"demo\"}");
    assertThat(created.status()).isEqualTo(201);
    String session = "/agents/sessions/" + created.json().path("sessionId").asText();
    assertThat(created.header("Location")).isEqualTo(session);
    assertThat(client.put(session + "/files/a/b%20c", new byte[] {1}).status()).isEqualTo(201);
    assertThat(client.get(session + "/files/a/b%20c").body()).isEqualTo(new byte[] {1});
    assertThat(client.get("/agents/none").code()).isEqualTo("NOT_FOUND");
    assertThat(client.post("/agents/sessions", "{}").header("Allow")).isEqualTo("GET, HEAD, OPTIONS");
  }

  @Test
  void theSocketAloneBesideTheApplicationsOwnPaths() {
    ClientApi api = api(Map.of());
    listen(runtime.vertx.createHttpServer().requestHandler(request -> request.response().end("mine"))
        .webSocketHandler(api.webSocketEndpoint()));
    String session = runtime.newSession();
    try (TestSocket socket = new TestClient("127.0.0.1", server.actualPort(), null).socket()) {
      assertThat(socket.ask("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}").path("event").asText())
          .isEqualTo("session:joined");
      runtime.send(session, "say \"hello\" in 5 deltas every 1 ms");
      socket.next("session:turn:completed");
    }
  }

  @Test
  void withTlsTheFramesAreWhole() throws Exception {
    SelfSignedCertificate certificate = SelfSignedCertificate.create("localhost");
    follow(Map.of(), new HttpServerOptions().setSsl(true).setKeyCertOptions(certificate.keyCertOptions()),
        new WebSocketClientOptions().setSsl(true).setTrustAll(true).setVerifyHost(false));
    certificate.delete();
  }

  @Test
  void withCompressionTheFramesAreWhole() throws Exception {
    WebSocket socket = follow(Map.of("AGENT_RUNTIME_SOCKETS_COMPRESSION", "true"),
        new HttpServerOptions().setPerMessageWebSocketCompressionSupported(true),
        new WebSocketClientOptions().setTryUsePerMessageCompression(true));
    assertThat(socket.headers().get("Sec-WebSocket-Extensions")).contains("permessage-deflate");
  }

  private WebSocket follow(Map<String, String> settings, HttpServerOptions options, WebSocketClientOptions client) throws Exception {
    ClientApi api = api(settings);
    listen(runtime.vertx.createHttpServer(options.setMaxWebSocketFrameSize(1 << 20)).requestHandler(api.router()));
    String session = runtime.newSession();
    BlockingQueue<JsonNode> frames = new LinkedBlockingQueue<>();
    Vertx vertx = runtime.vertx;
    WebSocketClient sockets = vertx.createWebSocketClient(client.setMaxFrameSize(1 << 20).setMaxMessageSize(1 << 26));
    WebSocket socket = TestRuntime.await(sockets.connect(
        new WebSocketConnectOptions().setHost("localhost").setPort(server.actualPort()).setURI("/ws")));
    socket.textMessageHandler(text -> {
      try {
        frames.add(Json.tree(text));
      } catch (IOException e) {
        frames.add(Json.object().put("broken", text));
      }
    });
    TestRuntime.await(socket.writeTextMessage("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}"));
    assertThat(next(frames).path("event").asText()).isEqualTo("session:joined");
    runtime.send(session, "flood 5000; say \"done\"");
    long seq = 0;
    JsonNode frame;
    do {
      frame = next(frames);
      assertThat(frame.path("firstSeq").asLong(frame.path("seq").asLong())).as(frame.toString()).isEqualTo(seq + 1);
      seq = frame.path("seq").asLong();
    } while (!frame.path("event").asText().equals("session:turn:completed"));
    return socket;
  }

  private static JsonNode next(BlockingQueue<JsonNode> frames) throws InterruptedException {
    JsonNode frame = frames.poll(60, TimeUnit.SECONDS);
    assertThat(frame).isNotNull();
    assertThat(frame.has("broken")).as(frame.toString()).isFalse();
    return frame;
  }
}
