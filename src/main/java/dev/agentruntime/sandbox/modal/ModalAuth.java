package dev.agentruntime.sandbox.modal;

import io.vertx.core.Future;
import io.vertx.grpc.common.GrpcStatus;
import java.time.Clock;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The short-lived token that calls carry. It is fetched by the first call that needs one and shared; past half of its life one call fetches
 * the next in the background while all others go on with the old one. All on one event loop.
 *
 * <p>As Modal's SDKs have it (npm modal 0.11.1, index.js 78874-79040): the point is at 50-60 % of what is left of its life; without
 * {@code exp} it lives 20 minutes; a failed renewal is tried again after 0.5 s, doubling to 60 s; only a fetch that is waited for is retried.
 */
final class ModalAuth {

  private static final Logger log = LoggerFactory.getLogger(ModalAuth.class);

  private static final long DEFAULT_LIFE_MS = 20 * 60_000;
  private static final long FIRST_BACKOFF_MS = 500;
  private static final long MOST_BACKOFF_MS = 60_000;
  private static final double EARLIEST_RENEWAL = 0.5;
  private static final double RENEWAL_SPREAD = 0.1;

  private final Function<RetryPolicy, Future<String>> fetch;
  private final Clock clock;
  private final DoubleSupplier random;
  private String token;
  private long expiresAtMs;
  private long renewAtMs;
  private long backoffMs = FIRST_BACKOFF_MS;
  private Future<String> fetching;
  private boolean renewing;

  /**
   * @param fetch asks the service, with these retries
   * @param random from 0 to 1
   */
  ModalAuth(Function<RetryPolicy, Future<String>> fetch, Clock clock, DoubleSupplier random) {
    this.fetch = fetch;
    this.clock = clock;
    this.random = random;
  }

  Future<String> token() {
    long now = clock.millis();
    if (token != null && now < expiresAtMs) {
      if (now >= renewAtMs && fetching == null) {
        renew();
      }
      return Future.succeededFuture(token);
    }
    if (fetching == null) {
      return fetch(RetryPolicy.CONTROL_PLANE);
    }
    // A renewal that is under way is not retried, and whom it fails needs a token.
    return renewing ? fetching.recover(failure -> isRefusal(failure) ? Future.failedFuture(failure) : token()) : fetching;
  }

  /** The service did not take this token, whatever its own words: the next call fetches another. */
  void refused(String refused) {
    if (refused.equals(token)) {
      token = null;
    }
  }

  private void renew() {
    String old = token;
    renewing = true;
    fetch(RetryPolicy.NONE).onFailure(failure -> {
      if (isRefusal(failure)) {
        refused(old);
      } else {
        renewAtMs = clock.millis() + backoffMs;
        backoffMs = Math.min(MOST_BACKOFF_MS, backoffMs * 2);
      }
      log.warn("Modal's auth token could not be renewed: {}", failure.getMessage());
    });
  }

  private Future<String> fetch(RetryPolicy retries) {
    Future<String> fetched = fetch.apply(retries);
    fetching = fetched;
    return fetched.onComplete(result -> {
      fetching = null;
      renewing = false;
      if (result.succeeded()) {
        take(result.result());
      }
    });
  }

  private void take(String fetched) {
    long now = clock.millis();
    token = fetched;
    expiresAtMs = JsonWebToken.expiresAtMs(fetched).orElse(now + DEFAULT_LIFE_MS);
    renewAtMs = now + (long) ((expiresAtMs - now) * (EARLIEST_RENEWAL + random.getAsDouble() * RENEWAL_SPREAD));
    backoffMs = FIRST_BACKOFF_MS;
  }

  private static boolean isRefusal(Throwable failure) {
    return ModalStatusException.statusOf(failure)
        .filter(status -> status == GrpcStatus.UNAUTHENTICATED || status == GrpcStatus.PERMISSION_DENIED).isPresent();
  }
}
