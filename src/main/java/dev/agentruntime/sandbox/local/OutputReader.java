package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import io.netty.buffer.Unpooled;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/** Follows a file from an offset on, on demand: one chunk is out at a time, and nothing is read ahead of it. */
final class OutputReader {

  private static final int CHUNK_BYTES = 256 * 1024;
  /** After which other readers have their turn. */
  private static final int CHUNKS_AT_A_STRETCH = 16;
  private static final byte[] NOTHING = new byte[0];
  /** Outside of the heap, as what is read into an array is read there first and then copied. */
  private static final ThreadLocal<ByteBuffer> CHUNK = ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(CHUNK_BYTES));

  private final FileChannel channel;
  private final Function<Buffer, Future<Void>> consumer;
  private final BooleanSupplier ended;
  private final Lookout lookout;
  private final SerialTask reading;
  private final Promise<Void> done = Promise.promise();
  private final ReentrantLock handing = new ReentrantLock();
  /** Where chunks are handed out, one after the other; nothing while there is no more to read. */
  private byte[] bytes = NOTHING;
  private volatile long position;
  private volatile boolean out;
  private volatile boolean stopped;

  /**
   * @param ended whether nothing will be written any more
   * @param lookout told of what is read
   */
  OutputReader(Path file, long offset, Function<Buffer, Future<Void>> consumer, BooleanSupplier ended, Lookout lookout, Executor executor)
      throws IOException {
    this.channel = FileChannel.open(file, StandardOpenOption.READ);
    this.position = offset;
    this.consumer = consumer;
    this.ended = ended;
    this.lookout = lookout;
    this.reading = new SerialTask(executor, this::read);
  }

  Future<Void> done() {
    return done.future();
  }

  /** There may be more to read, or the end. */
  void wake() {
    reading.wake();
  }

  /** As {@link #wake}, if there is. */
  void look() {
    try {
      if (!out && (channel.size() > position || ended.getAsBoolean())) {
        wake();
      }
    } catch (IOException e) {
      wake();
    }
  }

  /** When it returns no chunk will be handed out, and none is being handed out by another thread. */
  void stop() {
    handing.lock();
    try {
      stopped = true;
    } finally {
      handing.unlock();
    }
    finish(null);
  }

  private void read() {
    try {
      for (int i = 0; i < CHUNKS_AT_A_STRETCH; i++) {
        if (out || stopped) {
          return;
        }
        boolean last = ended.getAsBoolean();
        ByteBuffer chunk = CHUNK.get().clear();
        if (channel.read(chunk, position) <= 0) {
          bytes = NOTHING;
          if (last) {
            finish(null);
          }
          return;
        }
        if (!handOut(copy(chunk.flip()))) {
          return;
        }
      }
      wake();
    } catch (IOException e) {
      finish(stopped ? null : new SandboxException(Kind.FAILED, "the output of the process could not be read", e));
    } catch (RuntimeException e) {
      finish(e);
    }
  }

  private Buffer copy(ByteBuffer chunk) {
    int length = chunk.remaining();
    if (bytes.length < length) {
      bytes = new byte[length];
    }
    chunk.get(bytes, 0, length);
    return BufferInternal.buffer(Unpooled.wrappedBuffer(bytes, 0, length));
  }

  /** @return whether it was consumed at once */
  private boolean handOut(Buffer chunk) {
    int length = chunk.length();
    lookout.seen(length);
    Future<Void> consumed;
    handing.lock();
    try {
      if (stopped) {
        return false;
      }
      out = true;
      position += length;
      consumed = consumer.apply(chunk);
    } finally {
      handing.unlock();
    }
    if (consumed.succeeded()) {
      out = false;
      return true;
    }
    consumed.onComplete(result -> {
      out = false;
      if (result.failed()) {
        finish(result.cause());
      } else if (length == CHUNK_BYTES || !lookout.looksOften()) {
        wake();
      }
    });
    return false;
  }

  private void finish(Throwable failure) {
    stopped = true;
    try {
      channel.close();
    } catch (IOException e) {
      // It was only read from.
    }
    if (failure == null) {
      done.tryComplete();
    } else {
      done.tryFail(failure);
    }
  }
}
