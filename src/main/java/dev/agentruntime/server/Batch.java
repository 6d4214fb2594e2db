package dev.agentruntime.server;

import dev.agentruntime.protocol.Frame;
import dev.agentruntime.session.EventLog;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.List;

/**
 * Neighbouring frames of one session on their way to one or many sinks of an event loop. Each format is encoded once, when the first sink
 * asks for it.
 *
 * <p>Not thread-safe; whoever makes it releases it when every sink has had it.
 */
final class Batch {

  private final String sessionId;
  private final String epoch;
  private final List<Frame> frames;
  private final ByteBuf[] encoded = new ByteBuf[FrameFormat.values().length];
  private final int textBytes;

  /** @param frames not empty; must not change until the release */
  Batch(EventLog log, List<Frame> frames) {
    this.sessionId = log.sessionId();
    this.epoch = log.epoch();
    this.frames = frames;
    int bytes = 0;
    for (Frame frame : frames) {
      bytes += frame.json().length;
    }
    this.textBytes = bytes;
  }

  String sessionId() {
    return sessionId;
  }

  String epoch() {
    return epoch;
  }

  List<Frame> frames() {
    return frames;
  }

  long lastSeq() {
    return frames.getLast().seq();
  }

  /** Bytes of JSON, without any framing. */
  int textBytes() {
    return textBytes;
  }

  /** All frames in {@code format}; the caller owns one reference and must not write to it. */
  ByteBuf encoded(FrameFormat format) {
    ByteBuf all = encoded[format.ordinal()];
    if (all == null) {
      all = encode(format);
      encoded[format.ordinal()] = all;
    }
    return all.retainedDuplicate();
  }

  /** Whether it goes out frame by frame, in pieces, as it is one with a very large frame. */
  boolean large() {
    return textBytes > Outgoing.HELD_BYTES;
  }

  private ByteBuf encode(FrameFormat format) {
    int size = 0;
    for (Frame frame : frames) {
      size += format.size(epoch, frame);
    }
    ByteBuf out = PooledByteBufAllocator.DEFAULT.directBuffer(size, size);
    for (Frame frame : frames) {
      format.encode(epoch, frame, out);
    }
    return out;
  }

  void release() {
    for (int i = 0; i < encoded.length; i++) {
      if (encoded[i] != null) {
        encoded[i].release();
        encoded[i] = null;
      }
    }
  }
}
