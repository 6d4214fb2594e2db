package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.nio.file.FileSystemException;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The platform threads of a provider. Whatever blocks is here, and nothing else: virtual threads that block in file calls hold up all others.
 */
final class Workers {

  private static final long IDLE_THREAD_SECONDS = 10;

  private final ThreadPoolExecutor output;
  private final ThreadPoolExecutor work;
  private final ThreadPoolExecutor ending;
  private final ThreadPoolExecutor input;
  private final ScheduledThreadPoolExecutor ticker;

  Workers(LocalSandboxOptions options) {
    output = fixed(options.outputThreads(), "sandbox-output");
    work = fixed(options.workThreads(), "sandbox-work");
    ending = fixed(options.endThreads(), "sandbox-end");
    // A write to a process that does not read blocks; one thread each, so that it holds up no other, and only for as long as it writes.
    input = new ThreadPoolExecutor(0, Integer.MAX_VALUE, IDLE_THREAD_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(),
        threads("sandbox-input"));
    ticker = new ScheduledThreadPoolExecutor(1, threads("sandbox-ticker"));
    ticker.setRemoveOnCancelPolicy(true);
    ticker.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  /** Reads outputs; tasks are short. */
  Executor output() {
    return quiet(output);
  }

  /** Files and starts. */
  Executor work() {
    return quiet(work);
  }

  /** Ends of processes and sandboxes, which may wait for them. */
  Executor ending() {
    return quiet(ending);
  }

  /** May block for as long as a process does not read. */
  Executor input() {
    return quiet(input);
  }

  /** Runs on the ticker's only thread: must be short. Nothing happens after the end. @return ends it */
  Runnable every(long ms, Runnable task) {
    try {
      ScheduledFuture<?> ticking = ticker.scheduleWithFixedDelay(task, ms, ms, TimeUnit.MILLISECONDS);
      return () -> ticking.cancel(false);
    } catch (RejectedExecutionException closed) {
      return () -> { };
    }
  }

  /** Runs on the ticker's only thread: must be short. Nothing happens after the end. */
  void after(long ms, Runnable task) {
    try {
      ticker.schedule(task, ms, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException closed) {
      // Nobody is left to be told.
    }
  }

  /** Runs {@code task} on a work thread and turns what it throws into a {@link SandboxException}. */
  <T> Future<T> call(Callable<T> task) {
    return call(work, task);
  }

  /** As {@link #call}, for what ends processes. */
  <T> Future<T> end(Callable<T> task) {
    return call(ending, task);
  }

  private static <T> Future<T> call(Executor executor, Callable<T> task) {
    Promise<T> promise = Promise.promise();
    try {
      executor.execute(() -> complete(promise, task));
    } catch (RejectedExecutionException closed) {
      promise.fail(new SandboxException(Kind.FAILED, "the sandbox provider is closed"));
    }
    return promise.future();
  }

  void close() {
    ticker.shutdownNow();
    output.shutdown();
    work.shutdown();
    ending.shutdown();
    input.shutdown();
  }

  private static <T> void complete(Promise<T> promise, Callable<T> task) {
    T result;
    try {
      result = task.call();
    } catch (Throwable e) {
      promise.fail(sandboxException(e));
      return;
    }
    promise.complete(result);
  }

  /** Without the paths that the messages of I/O exceptions hold. */
  static SandboxException sandboxException(Throwable e) {
    if (e instanceof SandboxException known) {
      return known;
    }
    String reason = e instanceof FileSystemException file && file.getReason() != null ? file.getReason() : e.getClass().getSimpleName();
    return new SandboxException(Kind.FAILED, "the sandbox failed: " + reason, e);
  }

  private static Executor quiet(ThreadPoolExecutor executor) {
    return task -> {
      try {
        executor.execute(task);
      } catch (RejectedExecutionException closed) {
        // The provider was closed: what is left undone is taken up by the next one.
      }
    };
  }

  private static ThreadPoolExecutor fixed(int threads, String name) {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(threads, threads, IDLE_THREAD_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), threads(name));
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }

  private static ThreadFactory threads(String name) {
    ThreadFactory platform = Executors.defaultThreadFactory();
    return task -> {
      Thread thread = platform.newThread(task);
      thread.setName(name);
      thread.setDaemon(true);
      return thread;
    };
  }
}
