package dev.agentruntime.protocol;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** A refusal that a client is told as it stands: neither its message nor its details hold a secret or a path of the server. */
public final class ApiException extends RuntimeException {

  private final ErrorCode code;
  private final transient List<Detail> details;

  public ApiException(ErrorCode code, String message) {
    this(code, message, List.of(), null);
  }

  /** @param cause for the log only, or {@code null} */
  public ApiException(ErrorCode code, String message, Throwable cause) {
    this(code, message, List.of(), cause);
  }

  public ApiException(ErrorCode code, String message, List<Detail> details) {
    this(code, message, details, null);
  }

  private ApiException(ErrorCode code, String message, List<Detail> details, Throwable cause) {
    super(message, cause, false, cause != null);
    this.code = code;
    this.details = List.copyOf(details);
  }

  public static ApiException sessionNotFound(String sessionId) {
    return new ApiException(ErrorCode.SESSION_NOT_FOUND, "There is no session " + sessionId + ".");
  }

  public ErrorCode code() {
    return code;
  }

  public List<Detail> details() {
    return details;
  }

  /** {@code {"error","code","details"?}}, as clients get it. */
  public ObjectNode json() {
    ObjectNode json = Json.object().put("error", getMessage()).put("code", code.name());
    if (!details.isEmpty()) {
      json.set("details", Json.toTree(details));
    }
    return json;
  }

  /** One thing that is wrong. {@code path} is a JSON pointer into the request ({@code ""} for the whole). */
  public record Detail(String path, String message) {}
}
