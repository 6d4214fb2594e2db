package dev.agentruntime.examples;

import dev.agentruntime.AgentRuntime;
import dev.agentruntime.config.Settings;
import dev.agentruntime.server.Authentication;
import dev.agentruntime.server.ClientApi;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.ext.web.Router;

/** An application with a page and a WebSocket of its own, which runs agents too: below /agents, on its own port. */
public final class EmbeddedApplication extends VerticleBase {

  private final Settings settings;
  private AgentRuntime runtime;
  private ClientApi agents;
  private HttpServer server;

  public EmbeddedApplication(Settings settings) {
    this.settings = settings;
  }

  @Override
  public Future<?> start() {
    runtime = AgentRuntime.create(vertx, settings, AgentRuntime.persistence(vertx, settings));
    agents = runtime.clientApi(Authentication.of(settings));

    Router router = Router.router(vertx);
    router.get("/").handler(context -> context.json(runtime.sessionManager().getLoadedSessions()));
    router.route("/agents/*").subRouter(agents.router());

    server = vertx.createHttpServer(agents.serverOptions()).requestHandler(router).webSocketHandler(this::opened);
    return runtime.start().compose(started -> server.listen());
  }

  private void opened(ServerWebSocket socket) {
    switch (socket.path()) {
      case "/agents/ws" -> agents.webSocketEndpoint().handle(socket);
      case "/echo" -> socket.textMessageHandler(socket::writeTextMessage);
      default -> socket.close((short) 4004, "there is nothing at this path");
    }
  }

  public int port() {
    return server.actualPort();
  }

  @Override
  public Future<?> stop() {
    return agents.drain().eventually(server::close).eventually(runtime::shutdown);
  }
}
