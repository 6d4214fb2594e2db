package dev.agentruntime.persistence.copy;

/** A copy that could not be made, or is not what it should be. The message is for whoever runs it. */
public final class CopyException extends RuntimeException {

  public enum Reason {
    /** What is copied changes meanwhile: a server runs on it. */
    SOURCE_IN_USE,
    /** A server has taken over what was copied, or somebody else has put something else in its place. */
    TARGET_IN_USE,
    /** The copy is not the same, although it was made again. */
    DIFFERENT
  }

  private final transient Reason reason;

  CopyException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
