package dev.agentruntime;

import dev.agentruntime.config.Settings;
import dev.agentruntime.server.Authentication;
import dev.agentruntime.server.ClientApi;
import dev.agentruntime.server.ServerVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.net.BindException;
import java.net.UnknownHostException;

/** The server: a runtime, and the verticle through which clients reach it. Threading: as {@link AgentRuntime}. */
public final class AgentRuntimeServer {

  private final Vertx vertx;
  private final AgentRuntime runtime;
  private final ClientApi api;
  private int port;

  public AgentRuntimeServer(Vertx vertx, AgentRuntime runtime) {
    this.vertx = vertx;
    this.runtime = runtime;
    this.api = runtime.clientApi(Authentication.of(runtime.settings()));
  }

  /**
   * Starts the runtime, then listens. Fails with a sentence for the operator, for example when the port is taken.
   *
   * @return the address, for people
   */
  public Future<String> start() {
    Settings settings = runtime.settings();
    return runtime.start().compose(v -> ServerVerticle.deploy(vertx, api, settings).recover(e -> Future.failedFuture(cannotListen(e))))
        .map(listening -> {
          port = listening;
          return "http://" + address(listening);
        });
  }

  /** The operating system's words alone say neither which address nor which port. */
  private Throwable cannotListen(Throwable failure) {
    return !(failure instanceof BindException || failure instanceof UnknownHostException) ? failure
        : new IllegalStateException("it cannot listen at " + address(runtime.settings().port())
            + " (choose another address with AGENT_RUNTIME_HOST and AGENT_RUNTIME_PORT): " + failure.getMessage(), failure);
  }

  private String address(int atPort) {
    String host = runtime.settings().host();
    return (host.contains(":") && !host.startsWith("[") ? "[" + host + "]" : host) + ":" + atPort;
  }

  /** The port it listens on; 0 before it does. */
  public int port() {
    return port;
  }

  /** Sends the clients away (they connect to another server, or to this one when it is back) and shuts the runtime down. */
  public Future<Void> stop() {
    return api.drain().transform(drained -> runtime.shutdown());
  }
}
