package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.modal.proto.GenericResult;
import io.vertx.grpc.common.GrpcStatus;

/** Failed calls in words for users, with what an operator can do about them. */
final class ModalFailure {

  private ModalFailure() {}

  /** @param failure a {@link ModalStatusException}; anything else comes back as it is or, if it is unexpected, as its cause */
  static SandboxException of(ModalRpc<?, ?> rpc, Throwable failure, Redaction redaction) {
    if (failure instanceof SandboxException explained) {
      return explained;
    }
    if (!(failure instanceof ModalStatusException modal)) {
      return new SandboxException(Kind.FAILED, "Modal's " + rpc.name() + " failed", failure);
    }
    boolean gone = modal.status() == GrpcStatus.NOT_FOUND && isOfSandbox(rpc);
    String said = redaction.of(modal.getMessage());
    return new SandboxException(gone ? Kind.GONE : Kind.FAILED, sentence(rpc, modal) + (said.isEmpty() ? "" : " (" + said + ")"), modal);
  }

  static SandboxException ended(GenericResult result, Throwable cause) {
    return new SandboxException(Kind.GONE, "The sandbox has ended: " + SandboxEnd.reason(result), cause);
  }

  static boolean isGone(Throwable failure) {
    return failure instanceof SandboxException explained && explained.kind() == Kind.GONE;
  }

  private static boolean isOfSandbox(ModalRpc<?, ?> rpc) {
    return rpc.service().equals(ModalRpc.COMMAND_ROUTER) || rpc.question().getDescriptorForType().findFieldByName("sandbox_id") != null;
  }

  private static String sentence(ModalRpc<?, ?> rpc, ModalStatusException failure) {
    if (failure.retryAfterMs().isPresent()) {
      return "Modal throttles this workspace for longer than a call waits: try again later";
    }
    return switch (failure.status()) {
      case UNAUTHENTICATED -> "Modal does not accept the token: check MODAL_TOKEN_ID and MODAL_TOKEN_SECRET";
      case PERMISSION_DENIED -> "The Modal token may not do this (" + rpc.name() + "): check its workspace and MODAL_ENVIRONMENT";
      case RESOURCE_EXHAUSTED -> "Modal's limits for this workspace are reached: check its limits and quota, or try again later";
      case NOT_FOUND -> isOfSandbox(rpc) ? "The sandbox or its process is gone" : "Modal does not know what " + rpc.name()
          + " asks for: check the names of app, image and MODAL_ENVIRONMENT";
      case ALREADY_EXISTS -> "A sandbox of this name runs in the app already";
      case INVALID_ARGUMENT, OUT_OF_RANGE -> "Modal refuses " + rpc.name() + ": check the settings of sandbox and image";
      case FAILED_PRECONDITION, ABORTED -> "Modal cannot do " + rpc.name() + " in the current state";
      case UNIMPLEMENTED -> "Modal does not know " + rpc.name() + ": this version of the server is too old for its API";
      case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED -> "Modal does not answer " + rpc.name();
      default -> "Modal had a failure in " + rpc.name();
    };
  }
}
