package dev.agentruntime.persistence;

/** A store could not do what it was asked. */
public class PersistenceException extends RuntimeException {

  public enum Kind {
    /** The store cannot be reached or is broken; the same call may work later. */
    UNAVAILABLE,
    /** An argument that no store takes: a cursor that is not its own, a negative offset. */
    INVALID,
    /** There is no such session, transcript or file. */
    NOT_FOUND,
    /** It exists already, or in another version. */
    CONFLICT,
    /** An append that would leave a hole. */
    GAP,
    /** The writer no longer owns the session. */
    STALE_OWNER
  }

  private final Kind kind;

  public PersistenceException(Kind kind, String message) {
    this(kind, message, null);
  }

  public PersistenceException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
