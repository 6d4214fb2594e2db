package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import io.vertx.core.buffer.Buffer;

/**
 * Cuts what a supervisor says into frames, and notices what is missing: their numbers have no gaps. The output of processes, which is nearly
 * all of it, is neither gathered nor copied.
 */
final class FrameReader {

  private static final int MAGIC = 0x41525331;
  private static final int PREFIX_BYTES = 20;
  private static final int MOST_BYTES = 1 << 30;

  interface Sink {
    /** An answer or an event, whole. */
    void message(Buffer header, Buffer body);

    /** What comes next of the output that a question asked for, in pieces as they arrive. They share their memory with the chunks. */
    void output(int question, Buffer piece);
  }

  private final Sink sink;
  /** The beginning of a frame. */
  private Buffer held = Buffer.buffer();
  private int next;
  private int outputOf;
  private int outputLeft;

  FrameReader(Sink sink) {
    this.sink = sink;
  }

  /** @throws SandboxException if this is not how a supervisor speaks, or some of what it said is missing */
  void take(Buffer chunk) {
    int at = output(chunk, 0);
    if (held.length() > 0) {
      chunk = held.appendBuffer(chunk);
    }
    while (chunk.length() - at >= PREFIX_BYTES) {
      int channel = chunk.getInt(at + 8);
      int headerLength = chunk.getInt(at + 12);
      int bodyLength = chunk.getInt(at + 16);
      if (chunk.getInt(at) != MAGIC || chunk.getInt(at + 4) != next || headerLength < 0 || bodyLength < 0 || bodyLength > MOST_BYTES
          || channel != 0 && headerLength != 0) {
        throw new SandboxException(Kind.FAILED, "what the sandbox says has gaps");
      }
      int bodyAt = at + PREFIX_BYTES + headerLength;
      if (channel != 0) {
        outputOf = channel;
        outputLeft = bodyLength;
        at = output(chunk, bodyAt);
      } else if (chunk.length() < bodyAt + bodyLength) {
        break;
      } else {
        sink.message(chunk.getBuffer(at + PREFIX_BYTES, bodyAt), chunk.getBuffer(bodyAt, bodyAt + bodyLength));
        at = bodyAt + bodyLength;
      }
      next++;
    }
    held = chunk.getBuffer(at, chunk.length());
  }

  /** @return where it ends */
  private int output(Buffer chunk, int from) {
    int length = Math.min(outputLeft, chunk.length() - from);
    if (length > 0) {
      outputLeft -= length;
      sink.output(outputOf, chunk.slice(from, from + length));
    }
    return from + length;
  }
}
