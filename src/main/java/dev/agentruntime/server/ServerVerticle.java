package dev.agentruntime.server;

import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import io.netty.handler.codec.TooLongFrameException;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.util.concurrent.atomic.AtomicInteger;

/** The HTTP server of one event loop; those of all loops share the port. */
public final class ServerVerticle extends VerticleBase {

  private static final int MAX_LINE_BYTES = 8 * 1024;
  private static final int MAX_HEADER_BYTES = 16 * 1024;
  private static final int BACKLOG = 4_096;

  private final ClientApi api;
  private final Settings settings;
  private final AtomicInteger port;

  private ServerVerticle(ClientApi api, Settings settings, AtomicInteger port) {
    this.api = api;
    this.settings = settings;
    this.port = port;
  }

  /**
   * Starts the server, on one event loop per core.
   *
   * @return the port it listens on, which matters when the settings leave it open
   */
  public static Future<Integer> deploy(Vertx vertx, ClientApi api, Settings settings) {
    AtomicInteger port = new AtomicInteger();
    DeploymentOptions options = new DeploymentOptions().setInstances(Runtime.getRuntime().availableProcessors());
    return vertx.deployVerticle(() -> new ServerVerticle(api, settings, port), options).map(id -> port.get());
  }

  @Override
  public Future<?> start() {
    HttpServer server = vertx.createHttpServer(options(settings));
    SlowClients slowClients = new SlowClients(vertx, settings.limits().requestHeadMs(), settings.limits().requestBodyMs());
    server.connectionHandler(slowClients::opened);
    server.invalidRequestHandler(ServerVerticle::invalid);
    server.requestHandler(request -> {
      slowClients.asked(request);
      api.router().handle(request);
    });
    return server.listen().onSuccess(listening -> port.set(listening.actualPort()));
  }

  static HttpServerOptions options(Settings settings) {
    boolean compression = settings.sockets().compression();
    HttpServerOptions options = new HttpServerOptions();
    options.setHost(settings.host());
    // A negative port is a free one that the instances of a deployment share; 0 would be another for each.
    options.setPort(settings.port() == 0 ? -1 : settings.port());
    options.setAcceptBacklog(BACKLOG);
    options.setSendBufferSize(settings.sockets().sendBufferBytes());
    options.setTcpKeepAlive(true);
    options.setHttp2ClearTextEnabled(false);
    options.setMaxInitialLineLength(MAX_LINE_BYTES);
    options.setMaxHeaderSize(MAX_HEADER_BYTES);
    options.setMaxWebSocketFrameSize(settings.limits().requestBytes());
    options.setMaxWebSocketMessageSize(settings.limits().requestBytes());
    options.setPerMessageWebSocketCompressionSupported(compression);
    options.setPerFrameWebSocketCompressionSupported(false);
    options.setWebSocketCompressionLevel(1);
    return options;
  }

  private static void invalid(HttpServerRequest request) {
    boolean tooLong = request.decoderResult().cause() instanceof TooLongFrameException;
    ErrorResponses.write(request.response().putHeader("Connection", "close"), new ApiException(ErrorCode.INVALID_REQUEST,
        tooLong ? "The request line or the headers are too long." : "The request is not valid HTTP."), 400);
    request.connection().close();
  }
}
