package dev.agentruntime.session;

/** The session has what could not be saved, so that it is not unloaded. */
final class SessionUnsavedException extends RuntimeException {
  SessionUnsavedException(Throwable cause) {
    super("the session could not be saved", cause, false, false);
  }
}
