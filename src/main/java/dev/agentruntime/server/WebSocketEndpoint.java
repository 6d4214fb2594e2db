package dev.agentruntime.server;

import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.session.SessionManager;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.vertx.core.Handler;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.http.impl.HttpServerConnection;
import io.vertx.core.internal.http.WebSocketInternal;
import io.vertx.ext.web.RoutingContext;
import java.util.Locale;

/**
 * {@code /ws}: where clients open their WebSockets. It is in the {@linkplain ClientApi#router() router} already; as a handler of its own it
 * can be given to {@code HttpServer.webSocketHandler}. An application that does so sets its server's {@code maxWebSocketFrameSize} to
 * {@code limits.requestBytes}, and leaves per-frame and per-message compression off unless {@code sockets.compression} is on.
 */
public final class WebSocketEndpoint implements Handler<ServerWebSocket> {

  private static final String VERTX_HANDLER = "handler";

  private final SessionManager manager;
  private final Settings settings;
  private final ClientStreams streams;
  private final Authentication authentication;
  private final ApiSchemas schemas;

  WebSocketEndpoint(SessionManager manager, Settings settings, ClientStreams streams, Authentication authentication, ApiSchemas schemas) {
    this.manager = manager;
    this.settings = settings;
    this.streams = streams;
    this.authentication = authentication;
    this.schemas = schemas;
  }

  /** Takes over a socket that was just opened. On its context. */
  @Override
  public void handle(ServerWebSocket socket) {
    open(socket, ((WebSocketInternal) socket).channelHandlerContext());
  }

  /** @param channel that of Vert.x's own handler, at the end of the pipeline */
  private void open(ServerWebSocket socket, ChannelHandlerContext channel) {
    MultiMap headers = socket.headers();
    try {
      authentication.checkLocal(headers);
    } catch (ApiException e) {
      socket.close(CloseCode.NOT_ALLOWED, "no API key is set, so only this machine may connect");
      return;
    }
    String token = Authentication.bearer(headers);
    if (token != null && !authentication.accepts(token)) {
      socket.close(CloseCode.NOT_AUTHENTICATED, "the API key is not valid");
      return;
    }
    ClientSocket client = new ClientSocket(socket, channel, this, token != null || !authentication.required());
    if (streams.add(client)) {
      client.open();
      if (streams.draining()) {
        client.drain();
      }
    } else {
      socket.close(CloseCode.OVERLOADED, "the server has reached its limit of open connections");
    }
  }

  /** Makes a WebSocket of a request, or refuses it with an error as REST has them. */
  void upgrade(RoutingContext context) {
    HttpServerRequest request = context.request();
    if (!contains(request, HttpHeaders.UPGRADE, "websocket") || !contains(request, HttpHeaders.CONNECTION, "upgrade")
        || !"13".equals(request.getHeader("Sec-WebSocket-Version")) || request.getHeader("Sec-WebSocket-Key") == null) {
      context.fail(new ApiException(ErrorCode.INVALID_REQUEST, "This path is for WebSockets only (RFC 6455, version 13)."));
      return;
    }
    // The router gives out a wrapper that does not tell its channel, so that is asked of the connection.
    Channel channel = ((HttpServerConnection) request.connection()).channelHandlerContext().channel();
    request.toWebSocket().onSuccess(socket -> open(socket, channel.pipeline().context(VERTX_HANDLER)));
  }

  private static boolean contains(HttpServerRequest request, CharSequence header, String word) {
    String value = request.getHeader(header);
    return value != null && value.toLowerCase(Locale.ROOT).contains(word);
  }

  SessionManager manager() {
    return manager;
  }

  Settings settings() {
    return settings;
  }

  ClientStreams streams() {
    return streams;
  }

  Authentication authentication() {
    return authentication;
  }

  ApiSchemas schemas() {
    return schemas;
  }
}
