package dev.agentruntime.persistence;

/** The session belongs to another epoch by now: the writer has to let go of it. */
public final class StaleOwnerException extends PersistenceException {
  public StaleOwnerException(String sessionId) {
    super(Kind.STALE_OWNER, "session " + sessionId + " is owned by another epoch");
  }
}
