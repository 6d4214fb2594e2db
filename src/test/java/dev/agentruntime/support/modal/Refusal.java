package dev.agentruntime.support.modal;

import io.vertx.grpc.common.GrpcStatus;

/** A call that is answered with a status. */
final class Refusal extends RuntimeException {

  private static final long serialVersionUID = 1L;

  final GrpcStatus status;

  Refusal(GrpcStatus status, String message) {
    super(message, null, false, false);
    this.status = status;
  }
}
