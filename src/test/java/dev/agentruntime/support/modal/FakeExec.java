package dev.agentruntime.support.modal;

import com.google.protobuf.Message;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;

/** A command in a sandbox: a process, or the helper for files. On the event loop, but for what it says. */
final class FakeExec {

  private static final int SIGNALLED = 128;
  private static final int MOST_SIGNAL = 64;

  final String id;
  final Spool stdout;
  final Spool stderr;
  private final Context loop;
  private final Promise<Integer> exit;
  private final ExecutorService writer = Executors.newSingleThreadExecutor(
      Thread.ofPlatform().daemon().name("fake-modal-stdin").factory());
  private OutputStream stdin;
  private long taken;
  private boolean inputEnded;
  private Runnable evict = () -> { };

  FakeExec(String id, Context loop, Spool stdout, Spool stderr) {
    this.id = id;
    this.loop = loop;
    this.stdout = stdout;
    this.stderr = stderr;
    this.exit = Promise.promise();
  }

  void input(OutputStream pipe) {
    stdin = pipe;
  }

  void ended(int code) {
    loop.runOnContext(v -> {
      exit.tryComplete(code);
      writer.shutdown();
    });
  }

  /** As a shell tells it: 128 + n after signal n. */
  Future<Integer> exit() {
    return exit.future();
  }

  boolean isRunning() {
    return !exit.future().isComplete();
  }

  static boolean isSignal(int exit) {
    return exit > SIGNALLED && exit <= SIGNALLED + MOST_SIGNAL;
  }

  static int signal(int exit) {
    return exit - SIGNALLED;
  }

  long taken() {
    return taken;
  }

  boolean inputEnded() {
    return inputEnded;
  }

  /** Only one may write in a stream; who asks for the state ends that. */
  void writeStream(Runnable evicted) {
    evict.run();
    evict = evicted;
  }

  /**
   * Takes what it has not yet. Modal does not say what a gap is met with.
   *
   * @return done when the process' pipe has taken it
   */
  Future<Void> write(long offset, byte[] data, boolean eof) {
    if (!isRunning() && data.length > 0) {
      return Future.failedFuture(new Refusal(GrpcStatus.FAILED_PRECONDITION, "the process has ended"));
    }
    if (data.length > 0 && offset > taken) {
      return Future.failedFuture(new Refusal(GrpcStatus.INVALID_ARGUMENT, "stdin has come to byte " + taken + " and not to " + offset));
    }
    int known = (int) Math.min(data.length, taken - offset);
    boolean close = eof && !inputEnded;
    if (inputEnded && data.length > known) {
      return Future.failedFuture(new Refusal(GrpcStatus.FAILED_PRECONDITION, "stdin is closed"));
    }
    taken += data.length > 0 ? data.length - known : 0;
    inputEnded |= eof;
    if (writer.isShutdown()) {
      return Future.succeededFuture();
    }
    Promise<Void> written = Promise.promise();
    writer.execute(() -> {
      try {
        stdin.write(data, data.length > 0 ? known : 0, data.length > 0 ? data.length - known : 0);
        stdin.flush();
        if (close) {
          stdin.close();
        }
        loop.runOnContext(v -> written.complete());
      } catch (IOException e) {
        loop.runOnContext(v -> written.fail(new Refusal(GrpcStatus.FAILED_PRECONDITION, "the process does not take its input")));
      }
    });
    return written.future();
  }

  /** Sends what there is from a byte on, as it comes, to the end. */
  static <A extends Message> void follow(Spool spool, long from, int mostBytes, AnswerStream<A> answers,
      Function<Buffer, A> message, Runnable atEnd) {
    long[] offset = {from};
    Runnable reader = () -> {
      while (!answers.isOver() && !answers.isFull()) {
        answers.breakIfDue();
        boolean closed = spool.isClosed();
        Buffer data = answers.isOver() ? Buffer.buffer() : spool.read(offset[0], answers.room(mostBytes));
        if (data.length() == 0) {
          if (closed) {
            answers.end();
          }
          return;
        }
        offset[0] += data.length();
        answers.write(message.apply(data), data.length());
      }
    };
    spool.follow(reader);
    answers.onEnd(() -> {
      spool.leave(reader);
      atEnd.run();
    });
    answers.onDrain(reader);
    reader.run();
  }
}
