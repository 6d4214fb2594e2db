package dev.agentruntime.sandbox;

/** A sandbox could not do what it was asked. The message is for users: no secret, no path of the server. */
public final class SandboxException extends RuntimeException {

  public enum Kind {
    /** It could not be made, or does not answer; the same call may work later. */
    FAILED,
    /** The sandbox or process has ended. */
    GONE,
    NO_FILE,
    FORBIDDEN_PATH
  }

  private final Kind kind;

  public SandboxException(Kind kind, String message) {
    this(kind, message, null);
  }

  public SandboxException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
