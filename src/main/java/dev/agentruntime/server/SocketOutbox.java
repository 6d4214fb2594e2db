package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.session.Joined;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;

/**
 * The one way out of a WebSocket for text. Batches are written as bytes that were framed before, straight into Netty's pipeline: its frame
 * encoder lets {@code ByteBuf}s through. Single messages wait here while the socket is full, and large ones go in fragments, each as the
 * socket takes it, so that control frames can pass between them and no socket has more than one fragment copied; see {@link Outgoing}.
 *
 * <p>Used on the socket's event loop only.
 */
final class SocketOutbox {

  private static final int FRAGMENT_BYTES = 32 * 1024;

  private final ChannelHandlerContext context;
  private final Channel channel;
  private final boolean compression;
  private final RuntimeMetrics metrics;
  private final Runnable flush;
  private final OutgoingQueue waiting = new OutgoingQueue();
  private long written;
  private boolean closed;

  /**
   * @param compression whether messages may be compressed, so that the pipeline has to see them one by one
   * @param flush has {@link #flush} called; from any thread
   */
  SocketOutbox(ChannelHandlerContext context, boolean compression, RuntimeMetrics metrics, Runnable flush) {
    this.context = context;
    this.channel = context.channel();
    this.compression = compression;
    this.metrics = metrics;
    this.flush = flush;
  }

  boolean writable() {
    return waiting.isEmpty() && !closed && channel.isWritable();
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /** Bytes that have gone to the kernel; grows as long as the client reads. */
  long bytesSent() {
    var pending = channel.unsafe().outboundBuffer();
    return pending == null ? written : written - pending.totalPendingWriteBytes();
  }

  /** Bytes that are held for this socket, in the pipeline and here; from any thread. */
  long bytesHeld() {
    var pending = channel.unsafe().outboundBuffer();
    return waiting.bytesHeld() + (pending == null ? 0 : pending.totalPendingWriteBytes());
  }

  /** Only while {@link #writable()}. */
  void batch(Batch batch) {
    if (compression || batch.large()) {
      for (Frame frame : batch.frames()) {
        waiting.add(Outgoing.frame(batch.sessionId(), "", frame, "", flush));
      }
      flush();
    } else {
      write(batch.encoded(FrameFormat.WEB_SOCKET));
      context.flush();
    }
  }

  /** @param text of one message, as UTF-8; taken over */
  void message(ByteBuf text) {
    message(Outgoing.of(text));
  }

  void joined(Joined joined, JsonNode id) {
    message(Outgoing.joined("", SocketFrames.joined(joined, id), joined, "", flush));
  }

  private void message(Outgoing text) {
    if (closed) {
      text.release();
      return;
    }
    metrics.framesOut.increment();
    waiting.add(text);
    flush();
  }

  /** Writes what waits, as far as the socket takes it. */
  void flush() {
    boolean ready = true;
    while (ready && !waiting.isEmpty() && channel.isWritable()) {
      while (ready && !waiting.isEmpty() && channel.isWritable()) {
        ready = writeFragment();
      }
      context.flush();
    }
  }

  /** @return whether there was something to write */
  private boolean writeFragment() {
    boolean begun = waiting.isWithinText();
    ByteBuf payload = waiting.next(FRAGMENT_BYTES);
    if (payload == null) {
      if (waiting.failed()) {
        context.close();
      }
      return false;
    }
    fragment(payload, begun, !waiting.isWithinText());
    return true;
  }

  private void fragment(ByteBuf payload, boolean begun, boolean last) {
    int length = payload.readableBytes();
    if (compression) {
      written += length;
      metrics.bytesOut.increment(length);
      context.write(begun ? new ContinuationWebSocketFrame(last, 0, payload) : new TextWebSocketFrame(last, 0, payload), context.voidPromise());
      return;
    }
    ByteBuf frame = context.alloc().directBuffer(FrameFormat.header(length) + length);
    FrameFormat.header((last ? FrameFormat.FIN : 0) | (begun ? FrameFormat.CONTINUATION : FrameFormat.TEXT), length, frame);
    frame.writeBytes(payload);
    payload.release();
    write(frame);
  }

  private void write(ByteBuf frames) {
    written += frames.readableBytes();
    metrics.bytesOut.increment(frames.readableBytes());
    context.write(frames, context.voidPromise());
  }

  void close() {
    closed = true;
    waiting.drop();
  }
}
