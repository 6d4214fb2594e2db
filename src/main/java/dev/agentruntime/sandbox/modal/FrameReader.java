package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import io.vertx.core.buffer.Buffer;

/** Cuts what a supervisor says into frames, and notices what is missing: their numbers have no gaps. */
final class FrameReader {

  private static final int MAGIC = 0x41525331;
  private static final int PREFIX_BYTES = 20;
  private static final int MOST_BYTES = 1 << 30;

  /** Given each frame. @param header empty for output of a process */
  interface Sink {
    void frame(int channel, Buffer header, Buffer body);
  }

  private final Sink sink;
  private Buffer held = Buffer.buffer();
  private int next;

  FrameReader(Sink sink) {
    this.sink = sink;
  }

  /** @throws SandboxException if this is not how a supervisor speaks, or some of what it said is missing */
  void take(Buffer chunk) {
    Buffer all = held.length() == 0 ? chunk : held.appendBuffer(chunk);
    int at = 0;
    while (all.length() - at >= PREFIX_BYTES) {
      int headerLength = all.getInt(at + 12);
      int bodyLength = all.getInt(at + 16);
      if (all.getInt(at) != MAGIC || all.getInt(at + 4) != next || headerLength < 0 || bodyLength < 0 || bodyLength > MOST_BYTES) {
        throw new SandboxException(Kind.FAILED, "what the sandbox says has gaps");
      }
      int bodyAt = at + PREFIX_BYTES + headerLength;
      if (all.length() < bodyAt + bodyLength) {
        break;
      }
      next++;
      sink.frame(all.getInt(at + 8), all.getBuffer(at + PREFIX_BYTES, bodyAt), all.getBuffer(bodyAt, bodyAt + bodyLength));
      at = bodyAt + bodyLength;
    }
    held = at == all.length() ? Buffer.buffer() : all.getBuffer(at, all.length());
  }
}
