package dev.agentruntime.sandbox.modal;

import com.google.protobuf.Message;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.modal.proto.AuthTokenGetRequest;
import dev.agentruntime.sandbox.modal.proto.AuthTokenGetResponse;
import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.SandboxWaitRequest;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import io.vertx.grpc.common.GrpcStatus;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;

/**
 * Modal's control plane. One for all sandboxes; the worker of each is a {@link CommandRouter}.
 *
 * <p>Every call carries the token, a short-lived one that {@link ModalAuth} keeps fresh, and one idempotency key for all its attempts, so
 * that one whose answer was lost is not done twice. It is tried again as Modal's SDKs do ({@link RetryPolicy#CONTROL_PLANE}), and waits as
 * the service asks. Called from any thread, never blocks; futures complete on the client's event loop. Failures are
 * {@link SandboxException}s with the {@link ModalStatusException} as their cause.
 */
public final class ModalClient {

  private static final long TOKEN_TIMEOUT_MS = 5000;

  private final Vertx vertx;
  private final ModalClientOptions options;
  private final Endpoint endpoint;
  private final GrpcTransport transport;
  private final CallScope scope;
  private final ModalAuth auth;
  private final Redaction redaction;

  public ModalClient(Vertx vertx, ModalClientOptions options) {
    this.vertx = vertx;
    this.options = options;
    this.endpoint = Endpoint.of(options.serverUrl());
    this.transport = new GrpcTransport(vertx, options);
    this.scope = new CallScope(vertx, transport);
    this.redaction = new Redaction(options);
    this.auth = new ModalAuth(this::fetchToken, Clock.systemUTC(), () -> ThreadLocalRandom.current().nextDouble());
  }

  /** A call that answers at once. */
  public <Q extends Message, A extends Message> Future<A> call(ModalRpc<Q, A> rpc, Q question) {
    return call(rpc, question, Duration.ofMillis(options.callTimeoutMs()));
  }

  /** @param timeout of one attempt; longer than the time that the question itself asks the service to wait */
  public <Q extends Message, A extends Message> Future<A> call(ModalRpc<Q, A> rpc, Q question, Duration timeout) {
    return scope.run(() -> {
      String key = UUID.randomUUID().toString();
      return new Retries<>(scope, RetryPolicy.CONTROL_PLANE, options.maxThrottleWaitMs(), attempt -> authorized(
          token -> scope.unary(endpoint, rpc, attempted(headers(token), key, attempt), question, timeout.toMillis()))).run();
    }).recover(failure -> Future.failedFuture(ModalFailure.of(rpc, failure, redaction)));
  }

  /**
   * A call whose answer is a stream. It is not repeated when it breaks.
   *
   * @param timeout of the whole stream
   * @param consumer the next message is handed out when its future is done; called on the client's event loop
   * @return succeeds when the service has ended the stream and all was consumed
   */
  public <Q extends Message, A extends Message> Future<Void> stream(ModalRpc<Q, A> rpc, Q question, Duration timeout,
      Function<A, Future<Void>> consumer) {
    return scope.run(() -> authorized(token -> scope.start(scope.exchange(rpc, consumer), endpoint, headers(token), timeout.toMillis(),
            call -> call.end(question))))
        .recover(failure -> Future.failedFuture(ModalFailure.of(rpc, failure, redaction)));
  }

  /** Before something is asked again. */
  Future<Void> pause(long ms) {
    return scope.delay(ms);
  }

  /**
   * How a sandbox ended, if it has.
   *
   * @param timeout how long to wait for its end; zero to ask only
   * @return empty if it runs
   */
  public Future<Optional<GenericResult>> ended(String sandboxId, Duration timeout) {
    SandboxWaitRequest question = SandboxWaitRequest.newBuilder().setSandboxId(sandboxId).setTimeout(timeout.toMillis() / 1000f).build();
    return call(ModalRpc.SANDBOX_WAIT, question, timeout.plusMillis(options.callTimeoutMs()))
        .map(answer -> answer.hasResult() && answer.getResult().getStatus() != GenericResult.GenericStatus.GENERIC_STATUS_UNSPECIFIED
            ? Optional.of(answer.getResult()) : Optional.empty());
  }

  /**
   * The worker of a sandbox. Nothing is asked of it yet.
   *
   * @param taskId as the sandbox's creation or {@code SandboxGetTaskIdV2} told
   * @param access as the sandbox's creation told; null to ask for it
   */
  public CommandRouter router(String sandboxId, String taskId, RouterAccess.Grant access) {
    CallScope own = new CallScope(vertx, transport);
    return new CommandRouter(this, options, own, redaction, sandboxId, taskId,
        new RouterAccess(this, own, endpoint, sandboxId, access));
  }

  /** Ends every call. Routers are closed by those who asked for them. */
  public Future<Void> close() {
    scope.close();
    return transport.close();
  }

  private Future<String> fetchToken(RetryPolicy retries) {
    String key = UUID.randomUUID().toString();
    return new Retries<>(scope, retries, options.maxThrottleWaitMs(), attempt -> scope.unary(endpoint, ModalRpc.AUTH_TOKEN_GET,
        attempted(headers(), key, attempt), AuthTokenGetRequest.getDefaultInstance(), TOKEN_TIMEOUT_MS)).run().map(AuthTokenGetResponse::getToken);
  }

  /**
   * With a token, and with another if the service does not take the one that was at hand. Modal's SDKs fail then; here clocks may differ, and
   * who has a wrong id or secret is told so when the other token is fetched.
   */
  private <T> Future<T> authorized(Function<String, Future<T>> call) {
    return auth.token().compose(token -> call.apply(token).recover(failure -> {
      if (ModalStatusException.statusOf(failure).filter(GrpcStatus.UNAUTHENTICATED::equals).isEmpty()) {
        return Future.failedFuture(failure);
      }
      auth.refused(token);
      return auth.token().compose(call);
    }));
  }

  private static MultiMap attempted(MultiMap headers, String idempotencyKey, Retries.Attempt attempt) {
    headers.set("x-idempotency-key", idempotencyKey)
        .set("x-retry-attempt", Integer.toString(attempt.retries()))
        .set("x-throttle-retry-attempt", Integer.toString(attempt.throttles()));
    String elapsedSeconds = Double.toString(attempt.elapsedMs() / 1000.0);
    if (attempt.retries() > 0) {
      headers.set("x-retry-delay", elapsedSeconds);
    }
    if (attempt.throttles() > 0) {
      headers.set("x-throttle-retry-delay", elapsedSeconds);
    }
    return headers;
  }

  private MultiMap headers(String authToken) {
    return headers().set("x-modal-auth-token", authToken);
  }

  private MultiMap headers() {
    return MultiMap.caseInsensitiveMultiMap()
        .set("x-modal-client-type", Integer.toString(options.clientType()))
        .set("x-modal-client-version", options.clientVersion())
        .set("x-modal-libmodal-version", options.libraryVersion())
        .set("x-modal-host", endpoint.host())
        .set("x-modal-token-id", options.tokenId())
        .set("x-modal-token-secret", options.tokenSecret());
  }
}
