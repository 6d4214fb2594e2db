package dev.agentruntime.server;

import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.session.Joined;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.ref.WeakReference;

/**
 * A text on its way to one client, which takes it piece by piece.
 *
 * <p>A large one is not held for a client that does not read. Its bytes are shared with whoever else is sent them, and used as long as they
 * happen to be there; when they are gone, the rest is written anew from what they were made of, as the client takes it. Used on the client's
 * event loop only.
 */
final class Outgoing {

  /** A text up to this size is held until it is sent. */
  static final int HELD_BYTES = 64 * 1024;

  private final ByteBuf held;
  private final byte[] head;
  private final WeakReference<byte[]> json;
  private final TextStream.Source again;
  private final byte[] tail;
  private final long size;
  private final Runnable ready;
  private long position;
  private TextStream stream;

  private Outgoing(ByteBuf held, byte[] head, byte[] json, TextStream.Source again, byte[] tail, Runnable ready) {
    this.held = held;
    this.head = head;
    this.json = json == null ? null : new WeakReference<>(json);
    this.again = again;
    this.tail = tail;
    this.size = held != null ? held.readableBytes() : (long) head.length + json.length + tail.length;
    this.ready = ready;
  }

  /** @param text taken over */
  static Outgoing of(ByteBuf text) {
    return new Outgoing(text, null, null, null, null, null);
  }

  /**
   * {@code head}, {@code json} and {@code tail}, of which {@code json} is written again by {@code again}.
   *
   * @param ready called on any thread when there is more after {@link #next} had nothing
   */
  private static Outgoing of(byte[] head, byte[] json, TextStream.Source again, byte[] tail, Runnable ready) {
    if (head.length + json.length + tail.length <= HELD_BYTES) {
      return of(Unpooled.wrappedBuffer(head, json, tail));
    }
    return new Outgoing(null, head, json, out -> {
      out.write(head);
      again.writeTo(out);
      out.write(tail);
    }, tail, ready);
  }

  /** A snapshot alone. @param joined with one */
  static Outgoing snapshot(Joined joined, Runnable ready) {
    return of("", joined, "", ready);
  }

  /** A {@code session:joined}, with something before and after it. */
  static Outgoing joined(String before, SocketFrames.Around envelope, Joined joined, String after, Runnable ready) {
    return of(before + envelope.head(), joined, envelope.tail() + after, ready);
  }

  private static Outgoing of(String head, Joined joined, String tail, Runnable ready) {
    Object state = joined.state();
    byte[] json = joined.recovered() ? new byte[0] : joined.snapshot();
    return of(SocketFrames.bytes(head), json, out -> Json.write(state, out), SocketFrames.bytes(tail), ready);
  }

  /** A frame of a session, with something before and after it. A delta is small enough to be held, however it is merged. */
  static Outgoing frame(String sessionId, String before, Frame frame, String after, Runnable ready) {
    long seq = frame.seq();
    SessionEvent event = frame.event();
    byte[] head = SocketFrames.bytes(before);
    byte[] tail = SocketFrames.bytes(after);
    if (event instanceof SessionEvent.BlockDelta) {
      return of(Unpooled.wrappedBuffer(head, frame.json(), tail));
    }
    return of(head, frame.json(), out -> FrameEncoder.write(sessionId, seq, event, out), tail, ready);
  }

  /** Up to {@code maxBytes} more, which the caller owns and does not write to; {@code null} if they are not made yet. */
  ByteBuf next(int maxBytes) {
    ByteBuf next = held != null ? held.readRetainedSlice(Math.min(maxBytes, held.readableBytes())) : nextOfLarge(maxBytes);
    if (next != null) {
      position += next.readableBytes();
    }
    return next;
  }

  private ByteBuf nextOfLarge(int maxBytes) {
    if (stream == null) {
      byte[] bytes = json.get();
      if (bytes != null) {
        int count = (int) Math.min(maxBytes, size - position);
        // Copied, so that nobody who holds the piece holds all.
        return Unpooled.copiedBuffer(Unpooled.wrappedBuffer(head, bytes, tail).slice((int) position, count));
      }
      stream = new TextStream(again, position, ready);
    }
    byte[] piece = stream.take();
    return piece == null ? null : Unpooled.wrappedBuffer(piece);
  }

  boolean begun() {
    return position > 0;
  }

  /** Whether all of it was taken. */
  boolean ended() {
    return position == size;
  }

  /** Whether the rest will never come. */
  boolean failed() {
    return stream != null && stream.failed();
  }

  /** Bytes that are held for this client alone. */
  long bytesHeld() {
    return held != null ? held.readableBytes() : stream != null ? TextStream.HELD_BYTES : 0;
  }

  void release() {
    if (held != null) {
      held.release();
    }
    if (stream != null) {
      stream.close();
    }
  }
}
