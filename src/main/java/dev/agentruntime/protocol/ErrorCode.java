package dev.agentruntime.protocol;

/** Every code of an error answer, with the HTTP status it goes with. */
public enum ErrorCode {
  INVALID_REQUEST(400),
  AUTH_REQUIRED(401),
  INVALID_API_KEY(401),
  FORBIDDEN(403),
  SESSION_NOT_FOUND(404),
  PROFILE_NOT_FOUND(404),
  FILE_NOT_FOUND(404),
  NOT_FOUND(404),
  METHOD_NOT_ALLOWED(405),
  SESSION_BUSY(409),
  CONFLICT(409),
  PAYLOAD_TOO_LARGE(413),
  UNSUPPORTED_MEDIA_TYPE(415),
  QUEUE_FULL(429),
  RATE_LIMITED(429),
  INTERNAL(500),
  SANDBOX_FAILED(502),
  STORE_FAILED(502),
  NOT_READY(503);

  private final int status;

  ErrorCode(int status) {
    this.status = status;
  }

  /** The HTTP status, which is also the failure code on the event bus. */
  public int status() {
    return status;
  }
}
