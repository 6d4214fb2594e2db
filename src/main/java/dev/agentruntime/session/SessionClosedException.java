package dev.agentruntime.session;

/** The command came too late: the session left memory meanwhile, and can be loaded again. */
final class SessionClosedException extends RuntimeException {
  SessionClosedException() {
    super("the session is being unloaded", null, false, false);
  }
}
