package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;

/** Writes to a process' pipe, in order. The pipe is opened for reading too, so that opening never blocks; closing ends a blocked write. */
final class InputWriter {

  private final Path pipe;
  private final Executor executor;
  private final ReentrantLock lock = new ReentrantLock();
  private final Queue<Pending> queue = new ArrayDeque<>();
  private FileChannel channel;
  private boolean writing;
  private boolean closed;

  /** @param executor whose threads may block */
  InputWriter(Path pipe, Executor executor) {
    this.pipe = pipe;
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
        FileChannel to = open();
        while (next.bytes.hasRemaining()) {
          to.write(next.bytes);
        }
        next.written.complete();
      } catch (IOException e) {
        next.written.fail(new SandboxException(Kind.GONE, gone().getMessage(), e));
      } catch (SandboxException e) {
        next.written.fail(e);
      }
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
