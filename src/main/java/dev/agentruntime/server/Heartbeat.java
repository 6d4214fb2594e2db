package dev.agentruntime.server;

import io.netty.channel.ChannelHandlerContext;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.ServerWebSocket;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Pings a socket at every interval, and cuts it off when its peer was silent for two: said nothing, took nothing, and was not waited for
 * itself. Used on the socket's event loop only.
 */
final class Heartbeat {

  private final ServerWebSocket socket;
  private final ChannelHandlerContext context;
  private final SocketOutbox outbox;
  private final BooleanSupplier busy;
  private final ScheduledFuture<?> ticks;
  private boolean heard = true;
  private int silentTicks;
  private long sentBefore;

  /** @param busy whether the peer waits for the server just now */
  Heartbeat(ServerWebSocket socket, ChannelHandlerContext context, SocketOutbox outbox, long intervalMs, BooleanSupplier busy) {
    this.socket = socket;
    this.context = context;
    this.outbox = outbox;
    this.busy = busy;
    this.ticks = context.channel().eventLoop().scheduleAtFixedRate(this::tick, intervalMs, intervalMs, TimeUnit.MILLISECONDS);
  }

  /** The peer has said something. */
  void heard() {
    heard = true;
  }

  void stop() {
    ticks.cancel(false);
  }

  private void tick() {
    long sent = outbox.bytesSent();
    silentTicks = heard || busy.getAsBoolean() || sent != sentBefore ? 0 : silentTicks + 1;
    heard = false;
    if (silentTicks >= 2) {
      // Of the context, not the channel: that would be a polite close by Vert.x, which waits for a peer that is not there.
      context.close();
      return;
    }
    socket.writePing(Buffer.buffer(0));
    sentBefore = sent;
  }
}
