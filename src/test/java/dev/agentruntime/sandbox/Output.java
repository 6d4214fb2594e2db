package dev.agentruntime.sandbox;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Predicate;

/** Gathers what a process prints, and waits for it. */
public final class Output implements Function<Buffer, Future<Void>> {

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition grown = lock.newCondition();
  private final Buffer bytes = Buffer.buffer();
  private Promise<Void> hold;
  private int chunks;
  private int largestChunk;

  /** From now on a chunk is consumed only when the promise that is given here is completed. */
  public Promise<Void> hold() {
    lock.lock();
    try {
      hold = Promise.promise();
      return hold;
    } finally {
      lock.unlock();
    }
  }

  /** From now on chunks are consumed at once. */
  public void release() {
    lock.lock();
    try {
      hold = null;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Future<Void> apply(Buffer chunk) {
    lock.lock();
    try {
      bytes.appendBuffer(chunk);
      chunks++;
      largestChunk = Math.max(largestChunk, chunk.length());
      grown.signalAll();
      return hold == null ? Future.succeededFuture() : hold.future();
    } finally {
      lock.unlock();
    }
  }

  public String text() {
    lock.lock();
    try {
      return bytes.toString(StandardCharsets.UTF_8);
    } finally {
      lock.unlock();
    }
  }

  public int length() {
    lock.lock();
    try {
      return bytes.length();
    } finally {
      lock.unlock();
    }
  }

  public int chunks() {
    lock.lock();
    try {
      return chunks;
    } finally {
      lock.unlock();
    }
  }

  public int largestChunk() {
    lock.lock();
    try {
      return largestChunk;
    } finally {
      lock.unlock();
    }
  }

  public String awaitText(String part) throws InterruptedException {
    return await(text -> text.contains(part));
  }

  public String await(Predicate<String> enough) throws InterruptedException {
    long left = TimeUnit.SECONDS.toNanos(SandboxFixture.PATIENCE_SECONDS);
    lock.lock();
    try {
      while (!enough.test(bytes.toString(StandardCharsets.UTF_8))) {
        if (left <= 0) {
          throw new AssertionError("not in the output in time; it is: " + bytes);
        }
        left = grown.awaitNanos(left);
      }
      return bytes.toString(StandardCharsets.UTF_8);
    } finally {
      lock.unlock();
    }
  }
}
