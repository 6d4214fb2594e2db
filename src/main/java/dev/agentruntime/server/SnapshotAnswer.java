package dev.agentruntime.server;

import dev.agentruntime.session.Joined;
import io.netty.buffer.ByteBuf;
import io.vertx.core.Context;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.ext.web.RoutingContext;

/** A session's snapshot as the answer to a request, given as the client takes it; see {@link Outgoing}. Used on the request's context. */
final class SnapshotAnswer {

  private static final int PIECE_BYTES = 32 * 1024;

  private final RoutingContext request;
  private final HttpServerResponse response;
  private final Outgoing text;
  private boolean over;

  private SnapshotAnswer(RoutingContext request, Joined joined) {
    Context context = request.vertx().getOrCreateContext();
    this.request = request;
    this.response = request.response();
    this.text = Outgoing.snapshot(joined, () -> context.runOnContext(v -> flush()));
  }

  /** @param joined with a snapshot */
  static void send(RoutingContext request, Joined joined) {
    if (request.request().method().equals(HttpMethod.HEAD)) {
      Requests.json(request, 200, joined.snapshot());
      return;
    }
    SnapshotAnswer answer = new SnapshotAnswer(request, joined);
    answer.response.putHeader(HttpHeaders.CONTENT_TYPE, "application/json")
        .putHeader(HttpHeaders.CONTENT_LENGTH, Integer.toString(joined.snapshot().length))
        .setWriteQueueMaxSize(PIECE_BYTES)
        .exceptionHandler(cause -> { })
        .closeHandler(v -> answer.end())
        .drainHandler(v -> answer.flush());
    answer.flush();
  }

  private void flush() {
    while (!over && !response.writeQueueFull()) {
      ByteBuf piece = text.next(PIECE_BYTES);
      if (piece != null) {
        response.write(BufferInternal.buffer(piece));
      }
      if (text.ended()) {
        end();
        response.end();
      } else if (piece == null) {
        if (text.failed()) {
          request.request().connection().close();
        }
        return;
      }
    }
  }

  private void end() {
    if (!over) {
      over = true;
      text.release();
    }
  }
}
