package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Writes to a process' pipe, in order. The pipe is opened for reading too, so that opening never blocks; closing ends a blocked write. While
 * more is written than the pipe takes at once a mark lies beside it: a runtime that finds it knows that an earlier one died in the middle
 * of a line, and ends that line before it writes its own.
 */
final class InputWriter {

  /** What a pipe takes whole or not at all: PIPE_BUF of Linux; at least 512 anywhere. */
  private static final int WHOLE_BYTES = 512;

  private final Path pipe;
  private final Path mark;
  private final Executor executor;
  private final ReentrantLock lock = new ReentrantLock();
  private final Queue<Pending> queue = new ArrayDeque<>();
  private FileChannel channel;
  private boolean mended;
  private boolean writing;
  private boolean closed;

  /** @param executor whose threads may block */
  InputWriter(Path pipe, Executor executor) {
    this.pipe = pipe;
    this.mark = pipe.resolveSibling(pipe.getFileName() + ".partial");
    this.executor = executor;
  }

  Future<Void> write(Buffer bytes) {
    Pending pending = new Pending(ByteBuffer.wrap(bytes.getBytes()), Promise.promise());
    boolean start;
    lock.lock();
    try {
      if (closed) {
        return Future.failedFuture(gone());
      }
      queue.add(pending);
      start = !writing;
      writing = true;
    } finally {
      lock.unlock();
    }
    if (start) {
      executor.execute(this::drain);
    }
    return pending.written.future();
  }

  /** The process has ended: what was not taken by its pipe fails. */
  void close() {
    FileChannel open;
    lock.lock();
    try {
      closed = true;
      open = channel;
    } finally {
      lock.unlock();
    }
    if (open != null) {
      closeQuietly(open);
    }
    failQueued();
  }

  private void drain() {
    for (Pending next = next(); next != null; next = next()) {
      try {
        write(open(), next.bytes);
        next.written.complete();
      } catch (IOException e) {
        next.written.fail(new SandboxException(Kind.GONE, gone().getMessage(), e));
      } catch (SandboxException e) {
        next.written.fail(e);
      }
    }
  }

  private void write(FileChannel to, ByteBuffer bytes) throws IOException {
    if (!mended) {
      if (Files.exists(mark)) {
        writeAll(to, ByteBuffer.wrap(new byte[] {'\n'}));
        Files.delete(mark);
      }
      mended = true;
    }
    boolean marked = bytes.remaining() > WHOLE_BYTES && mark();
    writeAll(to, bytes);
    if (marked) {
      Files.deleteIfExists(mark);
    }
  }

  /** @return false on a full disk, say: writing the line matters more than guarding it */
  private boolean mark() {
    try {
      Files.createFile(mark);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static void writeAll(FileChannel to, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      to.write(bytes);
    }
  }

  private Pending next() {
    lock.lock();
    try {
      Pending next = queue.poll();
      writing = next != null;
      return next;
    } finally {
      lock.unlock();
    }
  }

  private FileChannel open() throws IOException {
    lock.lock();
    try {
      if (closed) {
        throw gone();
      }
      if (channel == null) {
        channel = FileChannel.open(pipe, StandardOpenOption.READ, StandardOpenOption.WRITE);
      }
      return channel;
    } finally {
      lock.unlock();
    }
  }

  private void failQueued() {
    for (Pending next = poll(); next != null; next = poll()) {
      next.written.tryFail(gone());
    }
  }

  private Pending poll() {
    lock.lock();
    try {
      return queue.poll();
    } finally {
      lock.unlock();
    }
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // What it could not write is failed by the writer.
    }
  }

  private static SandboxException gone() {
    return new SandboxException(Kind.GONE, "the process has ended");
  }

  private record Pending(ByteBuffer bytes, Promise<Void> written) {}
}
