package dev.agentruntime.sandbox.modal;

import io.vertx.core.Future;
import io.vertx.grpc.common.GrpcStatus;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * How long a worker that does not answer is tried for: as long as its sandbox is said to run, within a limit. "In rare cases the sandbox may
 * take a long time to start on the worker after scheduling" (Modal's Python SDK, which tries for about 310 s: 1, 2, 4, 8, 10, 10 … s).
 */
final class WorkerPatience {

  private static final long FIRST_DELAY_MS = 1000;
  private static final long MOST_DELAY_MS = 10_000;
  private static final int DOUBLINGS = 4;

  /** A worker knows nothing of a sandbox that is being ended before the control plane knows of the end, and why. */
  private static final Duration END_KNOWN_WITHIN = Duration.ofSeconds(2);

  private final ModalClient client;
  private final CallScope scope;
  private final String sandboxId;
  private final long limitNanos;
  private final long sinceNanos = System.nanoTime();
  private int waits;

  WorkerPatience(ModalClient client, CallScope scope, String sandboxId, long limitMs) {
    this.client = client;
    this.scope = scope;
    this.sandboxId = sandboxId;
    this.limitNanos = TimeUnit.MILLISECONDS.toNanos(limitMs);
  }

  /** Succeeds when it is time for the next attempt. Fails if the sandbox has ended, or as the last attempt did if it is enough. */
  Future<Void> next(Throwable failure) {
    return unlessEnded(failure).compose(runs -> {
      if (System.nanoTime() - sinceNanos >= limitNanos) {
        return Future.failedFuture(failure);
      }
      return scope.delay(Math.min(MOST_DELAY_MS, FIRST_DELAY_MS << Math.min(waits++, DOUBLINGS)));
    });
  }

  /** Fails if the sandbox has ended. Succeeds also if that cannot be learned. */
  Future<Void> unlessEnded(Throwable failure) {
    boolean unknownToWorker = ModalStatusException.statusOf(failure).filter(GrpcStatus.NOT_FOUND::equals).isPresent();
    return scope.here(client.ended(sandboxId, unknownToWorker ? END_KNOWN_WITHIN : Duration.ZERO)).compose(
        end -> end.<Future<Void>>map(result -> Future.failedFuture(ModalFailure.ended(result, failure))).orElseGet(Future::succeededFuture),
        unknown -> ModalFailure.isGone(unknown) ? Future.failedFuture(unknown) : Future.succeededFuture());
  }
}
