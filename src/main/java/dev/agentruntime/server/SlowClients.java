package dev.agentruntime.server;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;

/**
 * Hangs up on clients that keep a connection without ever finishing a request, however slowly they send. Answers, streams and WebSockets
 * may take as long as they like. Used on one event loop.
 */
final class SlowClients {

  private static final long MAX_SWEEP_MS = 5_000;

  private final Map<HttpConnection, Waiting> connections = new HashMap<>();
  private final long headMs;
  private final long bodyMs;

  /** @param request the last one, or {@code null} before the first */
  private record Waiting(HttpServerRequest request, long sinceNanos) {

    boolean answering() {
      return request != null && request.isEnded() && !request.response().ended();
    }

    /** A WebSocket's handshake ends at once, and then the connection is no more HTTP's. */
    boolean upgraded() {
      return request != null && request.response().getStatusCode() == 101;
    }

    boolean done() {
      return request != null && request.isEnded() && request.response().ended();
    }
  }

  /**
   * @param headMs from the opening, or the end of the last answer, to a whole set of headers
   * @param bodyMs from the headers to the end of the body
   */
  SlowClients(Vertx vertx, long headMs, long bodyMs) {
    this.headMs = headMs;
    this.bodyMs = bodyMs;
    vertx.setPeriodic(Math.min(MAX_SWEEP_MS, Math.max(1, Math.min(headMs, bodyMs) / 10)), timer -> sweep(System.nanoTime()));
  }

  int watched() {
    return connections.size();
  }

  void opened(HttpConnection connection) {
    connections.put(connection, new Waiting(null, System.nanoTime()));
    connection.closeHandler(nothing -> connections.remove(connection));
  }

  void asked(HttpServerRequest request) {
    connections.replace(request.connection(), new Waiting(request, System.nanoTime()));
  }

  private void sweep(long now) {
    // It has a pulse of its own, and never says here that it was closed.
    connections.values().removeIf(Waiting::upgraded);
    var slow = new ArrayList<HttpConnection>();
    connections.forEach((connection, waiting) -> {
      if (!waiting.answering() && !waiting.done() && tooLong(waiting, now)) {
        slow.add(connection);
      }
    });
    connections.replaceAll((connection, waiting) -> waiting.done() ? new Waiting(null, now) : waiting);
    slow.forEach(HttpConnection::close);
  }

  private boolean tooLong(Waiting waiting, long now) {
    return now - waiting.sinceNanos() > (waiting.request() == null ? headMs : bodyMs) * 1_000_000;
  }
}
