package dev.agentruntime.sandbox.modal;

import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.OptionalLong;

/** What a JWT says of itself. It is not verified: it is the service's own. */
final class JsonWebToken {

  private JsonWebToken() {}

  /** Epoch milliseconds; empty if it does not say. Base64url, which Modal's JavaScript SDK reads as base64 and so misses now and then. */
  static OptionalLong expiresAtMs(String token) {
    String[] parts = token.split("\\.");
    if (parts.length < 2) {
      return OptionalLong.empty();
    }
    try {
      String payload = new String(Base64.getUrlDecoder().decode(parts[1].replace("=", "")), StandardCharsets.UTF_8);
      Object seconds = new JsonObject(payload).getValue("exp");
      return seconds instanceof Number number ? OptionalLong.of((long) (number.doubleValue() * 1000)) : OptionalLong.empty();
    } catch (IllegalArgumentException | DecodeException unreadable) {
      return OptionalLong.empty();
    }
  }
}
