package dev.agentruntime.server;

import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Position;
import dev.agentruntime.session.SessionManager;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;

/** {@code GET /sessions/:id/events}: opens streams of server-sent events. */
final class EventStreams {

  private final SessionManager manager;
  private final Settings settings;
  private final ClientStreams streams;

  EventStreams(SessionManager manager, Settings settings, ClientStreams streams) {
    this.manager = manager;
    this.settings = settings;
    this.streams = streams;
  }

  void open(RoutingContext context) {
    String sessionId = RestApi.sessionId(context);
    if (context.request().method().equals(HttpMethod.HEAD)) {
      RestApi.answer(context, manager.get(sessionId), snapshot -> context.response()
          .putHeader(HttpHeaders.CONTENT_TYPE, EventStream.CONTENT_TYPE).end());
      return;
    }
    String lastEventId = context.request().getHeader("Last-Event-ID");
    Position since = lastEventId == null ? null : Position.parse(lastEventId);
    RestApi.answer(context, manager.join(sessionId, since), joined -> {
      EventStream stream = new EventStream(context, streams, settings.sockets());
      if (streams.draining()) {
        throw new ApiException(ErrorCode.NOT_READY, "The server is shutting down; reconnect.");
      }
      if (!streams.add(stream)) {
        throw new ApiException(ErrorCode.RATE_LIMITED, "The server has reached its limit of open connections; try again later.");
      }
      stream.open(joined);
      if (streams.draining()) {
        stream.drain();
      }
    });
  }
}
