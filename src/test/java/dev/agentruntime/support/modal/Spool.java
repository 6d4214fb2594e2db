package dev.agentruntime.support.modal;

import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** All that a process has printed on one of its streams, to be read from any byte on. Readers are told on the event loop. */
final class Spool {

  private static final int CHUNK_BYTES = 64 << 10;
  private static final long PUMP_STACK_BYTES = 256 << 10;

  private final Context loop;
  private final FileChannel file;
  private final List<Runnable> readers = new ArrayList<>();
  private final AtomicBoolean telling = new AtomicBoolean();
  private volatile long size;
  private volatile boolean closed;

  Spool(Context loop, Path path) throws IOException {
    this.loop = loop;
    this.file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE,
        StandardOpenOption.DELETE_ON_CLOSE);
  }

  /** Takes all that comes, on a platform thread: many virtual ones that wait for pipes would stop all others. */
  void pump(InputStream from) {
    Thread.Builder.OfPlatform pump = Thread.ofPlatform().daemon().name("fake-modal-pump").stackSize(PUMP_STACK_BYTES);
    pump.start(() -> {
      byte[] chunk = new byte[CHUNK_BYTES];
      try (from) {
        for (int n = from.read(chunk); n >= 0; n = from.read(chunk)) {
          append(ByteBuffer.wrap(chunk, 0, n));
        }
      } catch (IOException e) {
        // The process was killed, or its sandbox is gone.
      }
      close();
    });
  }

  synchronized void append(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      size += file.write(bytes, size);
    }
    tell();
  }

  void close() {
    closed = true;
    tell();
  }

  /** No more is read either. */
  void discard() {
    closed = true;
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void tell() {
    if (telling.compareAndSet(false, true)) {
      loop.runOnContext(v -> {
        telling.set(false);
        List.copyOf(readers).forEach(Runnable::run);
      });
    }
  }

  long size() {
    return size;
  }

  boolean isClosed() {
    return closed;
  }

  /** @return what is there, up to {@code most} bytes; empty at the end so far */
  Buffer read(long offset, int most) {
    int length = (int) Math.max(0, Math.min(most, size - offset));
    ByteBuffer bytes = ByteBuffer.allocate(length);
    try {
      while (bytes.hasRemaining() && file.read(bytes, offset + bytes.position()) > 0) {
        continue;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Buffer.buffer(java.util.Arrays.copyOf(bytes.array(), bytes.position()));
  }

  /** On the event loop. */
  void follow(Runnable reader) {
    readers.add(reader);
  }

  /** On the event loop. */
  void leave(Runnable reader) {
    readers.remove(reader);
  }
}
