package dev.agentruntime.sandbox.modal;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.agentruntime.sandbox.modal.proto.RPCRetryPolicy;
import dev.agentruntime.sandbox.modal.proto.RPCStatus;
import io.vertx.core.MultiMap;
import io.vertx.grpc.common.GrpcErrorException;
import io.vertx.grpc.common.GrpcStatus;
import io.vertx.grpc.common.MessageSizeOverflowException;
import java.util.Base64;
import java.util.Optional;
import java.util.zip.ZipException;

/** A call that did not end with OK: the cause of the {@code SandboxException} that a caller of {@link ModalClient} gets. */
public final class ModalStatusException extends RuntimeException {

  /** As Modal's SDKs (npm modal 0.11.1). */
  private static final long SHORTEST_THROTTLE_MS = 100;
  private static final String RETRY_POLICY = "/modal.client.RPCRetryPolicy";

  private final transient GrpcStatus status;
  private final boolean unsent;
  private final Long retryAfterMs;

  private ModalStatusException(GrpcStatus status, String message, boolean unsent, Long retryAfterMs, Throwable cause) {
    super(message, cause, false, false);
    this.status = status;
    this.unsent = unsent;
    this.retryAfterMs = retryAfterMs;
  }

  static ModalStatusException of(GrpcStatus status, String message) {
    return new ModalStatusException(status, message, false, null, null);
  }

  /** What a service answered. */
  static ModalStatusException answered(GrpcStatus status, String message, MultiMap trailers) {
    return new ModalStatusException(status, message, false, retryAfterMs(trailers.get("grpc-status-details-bin")), null);
  }

  /** No connection was to be had. */
  static ModalStatusException unsent(Throwable failure) {
    return new ModalStatusException(GrpcStatus.UNAVAILABLE, "cannot be reached: " + words(failure), true, null, failure);
  }

  /** What broke the connection or the stream. */
  static ModalStatusException broken(Throwable failure) {
    GrpcStatus status = switch (failure) {
      case GrpcErrorException error -> error.status();
      case MessageSizeOverflowException tooLarge -> GrpcStatus.RESOURCE_EXHAUSTED;
      case InvalidProtocolBufferException garbled -> GrpcStatus.INTERNAL;
      case ZipException garbled -> GrpcStatus.INTERNAL;
      default -> GrpcStatus.UNAVAILABLE;
    };
    return new ModalStatusException(status, words(failure), false, null, failure);
  }

  /** The status that {@code failure} or one of its causes has, if a service said one or the connection broke. */
  public static Optional<GrpcStatus> statusOf(Throwable failure) {
    for (Throwable each = failure; each != null; each = each.getCause()) {
      if (each instanceof ModalStatusException modal) {
        return Optional.of(modal.status);
      }
    }
    return Optional.empty();
  }

  public GrpcStatus status() {
    return status;
  }

  /** Whether the call surely did not reach the service. */
  boolean isUnsent() {
    return unsent;
  }

  /** How long the service asks to wait before the next attempt; such a wait is no retry. */
  Optional<Long> retryAfterMs() {
    return Optional.ofNullable(retryAfterMs);
  }

  /** How long that wait then is. */
  Optional<Long> throttleMs() {
    return retryAfterMs().map(ms -> Math.max(SHORTEST_THROTTLE_MS, ms));
  }

  private static Long retryAfterMs(String details) {
    if (details == null) {
      return null;
    }
    try {
      for (Any detail : RPCStatus.parseFrom(Base64.getDecoder().decode(details.replaceAll("[^A-Za-z0-9+/]", ""))).getDetailsList()) {
        if (detail.getTypeUrl().endsWith(RETRY_POLICY)) {
          float seconds = RPCRetryPolicy.parseFrom(detail.getValue()).getRetryAfterSecs();
          return (long) (Math.max(0, seconds) * 1000);
        }
      }
    } catch (InvalidProtocolBufferException | IllegalArgumentException unreadable) {
      // Without details it is an ordinary failure.
    }
    return null;
  }

  private static String words(Throwable failure) {
    return failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
  }
}
