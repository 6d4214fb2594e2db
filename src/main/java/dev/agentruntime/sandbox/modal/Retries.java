package dev.agentruntime.sandbox.modal;

import io.vertx.core.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Repeats one call as a {@link RetryPolicy} says. A wait that the service asks for is no retry and has a bound of its own. */
final class Retries<T> {

  private final CallScope scope;
  private final RetryPolicy policy;
  private final long maxThrottleWaitMs;
  private final Function<Attempt, Future<T>> call;
  private final long startedNanos = System.nanoTime();
  private long throttledMs;

  /**
   * @param retries before this attempt
   * @param throttles waits that the service asked for, before this attempt
   * @param elapsedMs since the first attempt
   */
  record Attempt(int retries, int throttles, long elapsedMs) {}

  Retries(CallScope scope, RetryPolicy policy, long maxThrottleWaitMs, Function<Attempt, Future<T>> call) {
    this.scope = scope;
    this.policy = policy;
    this.maxThrottleWaitMs = maxThrottleWaitMs;
    this.call = call;
  }

  Future<T> run() {
    return attempt(0, 0);
  }

  private Future<T> attempt(int retries, int throttles) {
    long elapsedMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startedNanos);
    return call.apply(new Attempt(retries, throttles, elapsedMs)).recover(failure -> {
      if (scope.isClosed() || !(failure instanceof ModalStatusException modal)) {
        return Future.failedFuture(failure);
      }
      if (modal.throttleMs().isPresent()) {
        long waitMs = modal.throttleMs().get();
        throttledMs += waitMs;
        return throttledMs > maxThrottleWaitMs
            ? Future.failedFuture(failure)
            : scope.delay(waitMs).compose(over -> attempt(retries, throttles + 1));
      }
      return policy.allows(modal.status(), retries)
          ? scope.delay(policy.delayMs(retries)).compose(over -> attempt(retries + 1, throttles))
          : Future.failedFuture(failure);
    });
  }
}
