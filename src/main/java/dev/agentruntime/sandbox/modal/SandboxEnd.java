package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.modal.proto.GenericResult;

/** What Modal says of how a sandbox ended. */
final class SandboxEnd {

  private SandboxEnd() {}

  /** In words for users, after "The sandbox has ended". */
  static String reason(GenericResult result) {
    return switch (result.getStatus()) {
      case GENERIC_STATUS_SUCCESS, GENERIC_STATUS_FAILURE -> "its main process exited with " + result.getExitcode();
      case GENERIC_STATUS_TERMINATED -> "it was terminated";
      case GENERIC_STATUS_TIMEOUT -> "its lifetime was over";
      case GENERIC_STATUS_IDLE_TIMEOUT -> "it was idle for too long";
      case GENERIC_STATUS_INIT_FAILURE -> "it could not be started";
      case GENERIC_STATUS_MEMORY_MANAGER_EVICTION -> "it used too much memory";
      case GENERIC_STATUS_INTERNAL_FAILURE -> "Modal had an internal failure";
      default -> "Modal does not say why";
    };
  }
}
