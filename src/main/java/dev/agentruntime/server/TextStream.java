package dev.agentruntime.server;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes a text again, on a virtual thread of its own, in pieces of which it holds one: the next is made when that was taken. {@link #take()}
 * and {@link #close()} are called on one event loop.
 */
final class TextStream {

  /** What it costs while it waits, about: a piece, what the encoder holds, and the stack. */
  static final int HELD_BYTES = 32 * 1024;

  private static final int PIECE_BYTES = 16 * 1024;
  private static final Logger log = LoggerFactory.getLogger(TextStream.class);

  /** Writes the same bytes each time. */
  interface Source {
    void writeTo(OutputStream out) throws IOException;
  }

  private final Runnable ready;
  private final Thread writer;
  private volatile byte[] piece;
  private volatile boolean closed;
  private volatile boolean failed;

  /**
   * @param skip bytes of the text that are not wanted any more
   * @param ready called on another thread when there is a piece, or it has failed
   */
  TextStream(Source source, long skip, Runnable ready) {
    this.ready = ready;
    this.writer = Thread.ofVirtual().name("text-stream").unstarted(() -> write(source, skip));
    writer.start();
  }

  /** The next piece, or {@code null} if it is not made yet. */
  byte[] take() {
    byte[] taken = piece;
    if (taken != null) {
      piece = null;
      LockSupport.unpark(writer);
    }
    return taken;
  }

  /** Whether no piece follows although the text has not ended. */
  boolean failed() {
    return failed;
  }

  void close() {
    closed = true;
    LockSupport.unpark(writer);
  }

  private void write(Source source, long skip) {
    try {
      Pieces pieces = new Pieces(skip);
      source.writeTo(pieces);
      pieces.give();
    } catch (InterruptedIOException e) {
      log.trace("nobody wants the rest", e);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      log.error("a text could not be written again", e);
      failed = true;
      ready.run();
    }
  }

  private final class Pieces extends OutputStream {
    private long skip;
    private byte[] next = new byte[PIECE_BYTES];
    private int length;

    Pieces(long skip) {
      this.skip = skip;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int count) throws IOException {
      int skipped = (int) Math.min(skip, count);
      skip -= skipped;
      int at = offset + skipped;
      while (at < offset + count) {
        int copied = Math.min(offset + count - at, PIECE_BYTES - length);
        System.arraycopy(bytes, at, next, length, copied);
        length += copied;
        at += copied;
        if (length == PIECE_BYTES) {
          give();
        }
      }
    }

    /** Waits until what there is was taken. */
    void give() throws IOException {
      if (length == 0) {
        return;
      }
      piece = length == PIECE_BYTES ? next : Arrays.copyOf(next, length);
      next = null;
      ready.run();
      while (piece != null && !closed) {
        LockSupport.park(this);
      }
      if (closed) {
        piece = null;
        throw new InterruptedIOException();
      }
      next = new byte[PIECE_BYTES];
      length = 0;
    }
  }
}
