package dev.agentruntime.sandbox.modal;

import io.vertx.grpc.common.GrpcStatus;
import java.util.EnumSet;
import java.util.Set;

/**
 * Which failures are worth another attempt, and when.
 *
 * @param codes that are tried again
 * @param retries after the first attempt
 * @param firstDelayMs before the first retry; doubles from then on
 * @param mostDelayMs between two attempts
 */
record RetryPolicy(Set<GrpcStatus> codes, int retries, long firstDelayMs, long mostDelayMs) {

  private static final Set<GrpcStatus> TRANSIENT = Set.copyOf(EnumSet.of(GrpcStatus.DEADLINE_EXCEEDED, GrpcStatus.UNAVAILABLE,
      GrpcStatus.CANCELLED, GrpcStatus.INTERNAL, GrpcStatus.UNKNOWN));

  static final RetryPolicy NONE = new RetryPolicy(Set.of(), 0, 0, 0);

  /** Modal's SDKs: 3 retries, 100 ms doubling to 1 s (npm modal 0.11.1, index.js 79289-79440). */
  static final RetryPolicy CONTROL_PLANE = new RetryPolicy(TRANSIENT, 3, 100, 1000);

  /** Modal's SDKs: 10 retries, 10 ms doubling, about 10 s in all. */
  static final RetryPolicy ROUTER = new RetryPolicy(TRANSIENT, 10, 10, 10_000);

  /** Modal's SDKs: a write stream is taken up again 9 times. */
  static final RetryPolicy UPLOAD = new RetryPolicy(TRANSIENT, 9, 10, 10_000);

  /** Modal's SDKs: an exec's end is asked for again after a second, for ever. */
  static final RetryPolicy WAIT = new RetryPolicy(TRANSIENT, Integer.MAX_VALUE, 1000, 1000);

  /** Modal's SDKs: a snapshot that took too long is not taken again. */
  static final RetryPolicy SNAPSHOT = new RetryPolicy(Set.copyOf(EnumSet.of(GrpcStatus.UNAVAILABLE, GrpcStatus.INTERNAL,
      GrpcStatus.UNKNOWN)), 10, 10, 10_000);

  /** A build goes on whether its log is read or not: some ten seconds without a way to Modal are borne. */
  static final RetryPolicy BUILD_LOG = new RetryPolicy(TRANSIENT, 10, 10, 10_000);

  RetryPolicy {
    codes = Set.copyOf(codes);
  }

  boolean allows(GrpcStatus code, int retriesSoFar) {
    return retriesSoFar < retries && codes.contains(code);
  }

  /** @param retriesSoFar 0 before the first */
  long delayMs(int retriesSoFar) {
    int doublings = Math.min(retriesSoFar, Long.numberOfLeadingZeros(Math.max(1, firstDelayMs)) - 1);
    return Math.min(mostDelayMs, firstDelayMs << doublings);
  }
}
