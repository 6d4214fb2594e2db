package dev.agentruntime.sandbox.local;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs one body at a time, and once more after every {@link #wake} that may have come too late for the run before. */
final class SerialTask {

  private final Executor executor;
  private final Runnable body;
  private final AtomicInteger wakes = new AtomicInteger();

  SerialTask(Executor executor, Runnable body) {
    this.executor = executor;
    this.body = body;
  }

  void wake() {
    if (wakes.getAndIncrement() == 0) {
      executor.execute(this::run);
    }
  }

  private void run() {
    int seen = wakes.get();
    try {
      body.run();
    } finally {
      if (wakes.addAndGet(-seen) != 0) {
        executor.execute(this::run);
      }
    }
  }
}
