package dev.agentruntime.server;

import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.protocol.Frame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The one way out of a WebSocket for text. Batches are written as bytes that were framed before, straight into Netty's pipeline: its frame
 * encoder lets {@code ByteBuf}s through. Single messages wait here while the socket is full, and large ones go in fragments, each as the
 * socket takes it, so that control frames can pass between them and no socket has more than one fragment copied.
 *
 * <p>Used on the socket's event loop only.
 */
final class SocketOutbox {

  private static final int FRAGMENT_BYTES = 32 * 1024;

  /** A batch larger than this, which is one with a very large frame, goes in fragments. */
  private static final int DIRECT_BYTES = 64 * 1024;

  private final ChannelHandlerContext context;
  private final Channel channel;
  private final boolean compression;
  private final RuntimeMetrics metrics;
  private final Deque<Message> waiting = new ArrayDeque<>();
  private volatile long waitingBytes;
  private long written;
  private boolean closed;

  private static final class Message {
    final ByteBuf payload;
    boolean begun;

    Message(ByteBuf payload) {
      this.payload = payload;
    }
  }

  /** @param compression whether messages may be compressed, so that the pipeline has to see them one by one */
  SocketOutbox(ChannelHandlerContext context, boolean compression, RuntimeMetrics metrics) {
    this.context = context;
    this.channel = context.channel();
    this.compression = compression;
    this.metrics = metrics;
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
    return waitingBytes + (pending == null ? 0 : pending.totalPendingWriteBytes());
  }

  /** Only while {@link #writable()}. */
  void batch(Batch batch) {
    if (compression || batch.textBytes() > DIRECT_BYTES) {
      for (Frame frame : batch.frames()) {
        add(Unpooled.wrappedBuffer(frame.json()));
      }
      flush();
    } else {
      write(batch.encoded(FrameFormat.WEB_SOCKET));
      context.flush();
    }
  }

  /** @param text of one message, as UTF-8; taken over */
  void message(ByteBuf text) {
    if (closed) {
      text.release();
      return;
    }
    metrics.framesOut.increment();
    add(text);
    flush();
  }

  private void add(ByteBuf text) {
    waitingBytes += text.readableBytes();
    waiting.add(new Message(text));
  }

  /** Writes what waits, as far as the socket takes it. */
  void flush() {
    while (!waiting.isEmpty() && channel.isWritable()) {
      while (!waiting.isEmpty() && channel.isWritable()) {
        if (writeFragment(waiting.peek())) {
          waiting.poll().payload.release();
        }
      }
      context.flush();
    }
  }

  /** @return whether that was the last one */
  private boolean writeFragment(Message message) {
    ByteBuf payload = message.payload;
    if (compression) {
      written += payload.readableBytes();
      waitingBytes -= payload.readableBytes();
      metrics.bytesOut.increment(payload.readableBytes());
      context.write(new TextWebSocketFrame(payload.retainedDuplicate()), context.voidPromise());
      return true;
    }
    int length = Math.min(FRAGMENT_BYTES, payload.readableBytes());
    boolean last = length == payload.readableBytes();
    ByteBuf frame = context.alloc().directBuffer(FrameFormat.header(length) + length);
    FrameFormat.header((last ? FrameFormat.FIN : 0) | (message.begun ? FrameFormat.CONTINUATION : FrameFormat.TEXT), length, frame);
    frame.writeBytes(payload, length);
    waitingBytes -= length;
    message.begun = true;
    write(frame);
    return last;
  }

  private void write(ByteBuf frames) {
    written += frames.readableBytes();
    metrics.bytesOut.increment(frames.readableBytes());
    context.write(frames, context.voidPromise());
  }

  void close() {
    closed = true;
    waiting.forEach(message -> message.payload.release());
    waiting.clear();
    waitingBytes = 0;
  }
}
