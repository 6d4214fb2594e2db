package dev.agentruntime.session;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.sandbox.SandboxException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What went wrong inside, in the words of the API. */
final class ErrorTranslation {

  private static final Logger log = LoggerFactory.getLogger(ErrorTranslation.class);

  private ErrorTranslation() {}

  static ApiException toApi(Throwable failure) {
    return switch (failure) {
      case ApiException refusal -> refusal;
      case SandboxException e -> switch (e.kind()) {
        case NO_FILE -> new ApiException(ErrorCode.FILE_NOT_FOUND, "There is no such file in the workspace.");
        case FORBIDDEN_PATH -> new ApiException(ErrorCode.FORBIDDEN, sentence(e.getMessage()), e);
        case FAILED, GONE -> new ApiException(ErrorCode.SANDBOX_FAILED, sentence(e.getMessage()), e);
      };
      case PersistenceException e when e.kind() == PersistenceException.Kind.STALE_OWNER ->
          new ApiException(ErrorCode.CONFLICT, "The session is in use by another server.", e);
      case PersistenceException e when e.kind() == PersistenceException.Kind.INVALID ->
          new ApiException(ErrorCode.INVALID_REQUEST, sentence(e.getMessage()), e);
      case PersistenceException e when e.kind() == PersistenceException.Kind.CONFLICT ->
          new ApiException(ErrorCode.CONFLICT, "It has been changed by someone else in the meantime.", e);
      case PersistenceException e -> new ApiException(ErrorCode.STORE_FAILED, "The store could not be used; try again later.", e);
      case TimeoutException e -> new ApiException(ErrorCode.SANDBOX_FAILED, "The sandbox did not answer in time.", e);
      default -> {
        log.error("unexpected failure", failure);
        yield new ApiException(ErrorCode.INTERNAL, "Something went wrong inside the server.", failure);
      }
    };
  }

  /** Adapters are written by others: one may say nothing. */
  private static String sentence(String message) {
    if (message == null || message.isBlank()) {
      return "It failed.";
    }
    return Character.toUpperCase(message.charAt(0)) + message.substring(1) + (message.endsWith(".") ? "" : ".");
  }
}
