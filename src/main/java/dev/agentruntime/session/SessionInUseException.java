package dev.agentruntime.session;

/** The session is not idle, so that it is not unloaded for being so. */
final class SessionInUseException extends RuntimeException {
  SessionInUseException() {
    super("the session is in use", null, false, false);
  }
}
