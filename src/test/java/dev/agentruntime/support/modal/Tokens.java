package dev.agentruntime.support.modal;

import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/** JSON web tokens, so far as a client looks at them, for a subject and a time. */
final class Tokens {

  private final Clock clock;
  private final Map<String, Issued> issued = new HashMap<>();
  private Duration lifetime;

  private record Issued(String subject, long expiresAt) {}

  Tokens(Clock clock, Duration lifetime) {
    this.clock = clock;
    this.lifetime = lifetime;
  }

  synchronized void lifetime(Duration next) {
    lifetime = next;
  }

  synchronized String issue(String subject) {
    long now = clock.millis();
    long expiresAt = now + lifetime.toMillis();
    String token = part(new JsonObject().put("alg", "HS256").put("typ", "JWT")) + "."
        + part(new JsonObject().put("sub", subject).put("jti", UUID.randomUUID().toString()).put("iat", now / 1000.0)
            .put("exp", expiresAt / 1000.0)) + "." + part(new JsonObject().put("not", "signed"));
    issued.put(token, new Issued(subject, expiresAt));
    return token;
  }

  private static String part(JsonObject json) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(json.encode().getBytes(StandardCharsets.UTF_8));
  }

  /** @param token may be {@code null} */
  synchronized boolean accepts(String token, String subject) {
    Issued known = issued.get(token);
    return known != null && known.subject().equals(subject) && clock.millis() < known.expiresAt();
  }

  /** None of those issued so far is accepted any more, whatever is written in them. */
  synchronized void revokeAll() {
    issued.clear();
  }
}
