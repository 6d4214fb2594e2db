package dev.agentruntime.server;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import java.util.Locale;
import java.util.regex.Pattern;

/** Ids of sessions as clients send them. */
final class SessionIds {

  private static final Pattern UUID = Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");

  private SessionIds() {}

  /** @throws ApiException {@code SESSION_NOT_FOUND} if no session can have this id */
  static String check(String id) {
    if (!UUID.matcher(id).matches()) {
      throw new ApiException(ErrorCode.SESSION_NOT_FOUND, "There is no session with this id: a session's id is a UUID.");
    }
    return id.toLowerCase(Locale.ROOT);
  }
}
