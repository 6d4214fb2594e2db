package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.http.WebSocket;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetSocket;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SlowClientsTest {

  // Kept, since Vert.x closes servers and clients that nobody refers to.
  private final Vertx vertx = Vertx.vertx();
  private final WebSocketClient webSockets = vertx.createWebSocketClient();
  private final NetClient connections = vertx.createNetClient();
  private HttpServer server;

  @AfterEach
  void close() {
    vertx.close().await();
  }

  @Test
  void aQuietWebSocketOutlivesConnectionsThatNeverAsk() throws Exception {
    Promise<HttpServer> listening = Promise.promise();
    vertx.runOnContext(v -> {
      SlowClients slow = new SlowClients(vertx, 2000, 2000);
      vertx.createHttpServer(new HttpServerOptions().setHttp2ClearTextEnabled(false)).connectionHandler(slow::opened).requestHandler(request -> {
        slow.asked(request);
        request.toWebSocket().onSuccess(SlowClientsTest::echo);
      }).listen(0, "127.0.0.1").onComplete(listening);
    });
    server = listening.future().await(10, TimeUnit.SECONDS);
    int port = server.actualPort();

    WebSocket socket = webSockets.connect(port, "127.0.0.1", "/ws").await(10, TimeUnit.SECONDS);
    // Each is hung up on after the time that the socket is quiet for longer each time.
    for (int i = 0; i < 2; i++) {
      Promise<Void> hungUp = Promise.promise();
      NetSocket silent = connections.connect(port, "127.0.0.1").await(10, TimeUnit.SECONDS);
      silent.closeHandler(hungUp::complete);
      hungUp.future().await(10, TimeUnit.SECONDS);
    }

    Promise<String> answer = Promise.promise();
    socket.textMessageHandler(answer::complete);
    socket.writeTextMessage("still here");
    assertThat(answer.future().await(10, TimeUnit.SECONDS)).isEqualTo("still here");
  }

  private static void echo(ServerWebSocket socket) {
    socket.textMessageHandler(socket::writeTextMessage);
  }
}
