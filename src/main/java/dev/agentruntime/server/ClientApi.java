package dev.agentruntime.server;

import dev.agentruntime.config.Settings;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.session.SessionManager;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.ext.web.Router;

/**
 * All that clients can talk to, to be mounted in an HTTP server: our own {@link ServerVerticle}, or that of an application.
 *
 * <pre>{@code
 * ClientApi api = runtime.clientApi(Authentication.of(settings));
 * router.route("/agents/*").subRouter(api.router());
 * }</pre>
 *
 * <p>Thread-safe. The router may be used by any number of servers and event loops.
 */
public final class ClientApi {

  private final Settings settings;
  private final ClientStreams streams;
  private final WebSocketEndpoint webSockets;
  private final RestApi rest;
  private final Router router;

  /** @param authentication {@link Authentication#of} the settings' keys, or {@link Authentication#byApplication()} */
  public ClientApi(Vertx vertx, Settings settings, SessionManager manager, RuntimeMetrics metrics, Authentication authentication) {
    this.settings = settings;
    ApiSchemas schemas = new ApiSchemas();
    this.streams = new ClientStreams(manager, settings, metrics);
    this.webSockets = new WebSocketEndpoint(manager, settings, streams, authentication, schemas);
    this.rest = new RestApi(manager, settings, metrics, authentication, schemas, streams, webSockets);
    this.router = rest.router(vertx);
  }

  /** What the HTTP server should be made with, the settings' host and port among it; to be changed at will. */
  public HttpServerOptions serverOptions() {
    return ServerVerticle.options(settings);
  }

  /** REST, event streams and {@code /ws}. It answers every path, so it is mounted under a prefix or after everything else. */
  public Router router() {
    return router;
  }

  /** {@code /ws} alone, for {@code HttpServer.webSocketHandler}. */
  public WebSocketEndpoint webSocketEndpoint() {
    return webSockets;
  }

  RestApi rest() {
    return rest;
  }

  ClientStreams streams() {
    return streams;
  }

  /**
   * Closes every WebSocket (1001) and event stream, and refuses more; the runtime takes no new work. What else REST has goes on.
   *
   * @return complete when all are closed
   */
  public Future<Void> drain() {
    return streams.drain();
  }
}
