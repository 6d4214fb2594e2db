package dev.agentruntime.server;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.websocketx.CorruptedWebSocketFrameException;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;

/**
 * Tells a sink what Vert.x keeps to itself: that the channel's writability changed (Vert.x tells only those whose writes it had to queue),
 * and that a frame broke the protocol (Vert.x would cut the connection before a close code is sent).
 */
final class SocketTap extends ChannelInboundHandlerAdapter {

  /** Where a socket is full, and where it has room again: half of it. */
  private static final int FULL_BYTES = 32 * 1024;

  interface Listener {
    /** In the middle of whatever wrote or flushed. */
    void writabilityChanged();

    /** @return whether that was seen to; otherwise it is Vert.x's */
    default boolean badFrame(boolean tooLarge) {
      return false;
    }
  }

  private final Listener listener;

  private SocketTap(Listener listener) {
    this.listener = listener;
  }

  /**
   * Listens, and sets how much the channel takes.
   *
   * @param context that of Vert.x's own handler
   * @return takes the listener away
   */
  static Runnable install(ChannelHandlerContext context, Listener listener, int sendBufferBytes) {
    var config = context.channel().config();
    config.setWriteBufferWaterMark(new WriteBufferWaterMark(FULL_BYTES / 2, FULL_BYTES));
    config.setOption(ChannelOption.SO_SNDBUF, sendBufferBytes);
    SocketTap tap = new SocketTap(listener);
    context.pipeline().addBefore(context.name(), null, tap);
    return () -> {
      if (context.pipeline().context(tap) != null) {
        context.pipeline().remove(tap);
      }
    };
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) throws Exception {
    listener.writabilityChanged();
    super.channelWritabilityChanged(context);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) throws Exception {
    boolean tooLarge = cause instanceof TooLongFrameException || cause instanceof CorruptedWebSocketFrameException corrupted
        && corrupted.closeStatus().equals(WebSocketCloseStatus.MESSAGE_TOO_BIG);
    if (!(cause instanceof DecoderException) || !listener.badFrame(tooLarge)) {
      super.exceptionCaught(context, cause);
    }
  }
}
