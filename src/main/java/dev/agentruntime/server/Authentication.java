package dev.agentruntime.server;

import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Who may talk to the server. With API keys: whoever has one. Without: whoever is on this machine, and no page of another site in a browser
 * here, for which the {@code Host} and the {@code Origin} of each request must be loopback names (DNS rebinding, cross-site requests), unless
 * the settings allow the origin.
 *
 * <p>Thread-safe. Keys are compared as hashes, in constant time, and always with all of them.
 */
public final class Authentication {

  private static final Pattern LOOPBACK = Pattern.compile("localhost|.+\\.localhost|127(\\.\\d{1,3}){3}|\\[::1]|\\[0:0:0:0:0:0:0:1]");
  private static final String SCHEME = "bearer ";

  private final List<byte[]> keyHashes;
  private final List<String> allowedOrigins;
  private final boolean byApplication;

  private Authentication(List<byte[]> keyHashes, List<String> allowedOrigins, boolean byApplication) {
    this.keyHashes = keyHashes;
    this.allowedOrigins = allowedOrigins;
    this.byApplication = byApplication;
  }

  /** With the settings' API keys, any of which is accepted, and their allowed origins. */
  public static Authentication of(Settings settings) {
    return new Authentication(settings.apiKeys().stream().map(key -> hash(key.value())).toList(), settings.allowedOrigins(), false);
  }

  /** Lets everybody in: the application that mounts the API has handlers of its own in front of it, also for other origins. */
  public static Authentication byApplication() {
    return new Authentication(List.of(), List.of(), true);
  }

  /** Whether a key is needed. */
  boolean required() {
    return !keyHashes.isEmpty();
  }

  /** @throws ApiException {@code AUTH_REQUIRED}, {@code INVALID_API_KEY} or {@code FORBIDDEN} */
  void check(MultiMap headers) {
    if (required()) {
      String token = bearer(headers);
      if (token == null) {
        throw new ApiException(ErrorCode.AUTH_REQUIRED, "An API key is required: send the header Authorization: Bearer <api key>.");
      }
      if (!accepts(token)) {
        throw new ApiException(ErrorCode.INVALID_API_KEY, "The API key is not valid.");
      }
    } else {
      checkLocal(headers);
    }
  }

  /** @throws ApiException {@code FORBIDDEN} if no key is set and the request does not come from this machine's own pages and programs */
  void checkLocal(MultiMap headers) {
    if (required() || byApplication) {
      return;
    }
    String host = headers.get(HttpHeaders.HOST);
    if (host == null || !LOOPBACK.matcher(withoutPort(host)).matches()) {
      throw new ApiException(ErrorCode.FORBIDDEN, "No API key is set, so the server answers only requests to localhost or a loopback address.");
    }
    String origin = headers.get(HttpHeaders.ORIGIN);
    if (origin != null && !allows(origin)) {
      throw new ApiException(ErrorCode.FORBIDDEN,
          "No API key is set, so requests from web pages of other sites are refused, unless the setting allowedOrigins names them.");
    }
  }

  /** @return the token of {@code Authorization: Bearer}, or {@code null} */
  static String bearer(MultiMap headers) {
    String header = headers.get(HttpHeaders.AUTHORIZATION);
    if (header == null || !header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return null;
    }
    String token = header.substring(SCHEME.length()).strip();
    return token.isEmpty() ? null : token;
  }

  boolean accepts(String token) {
    if (!required()) {
      return true;
    }
    byte[] given = hash(token);
    boolean found = false;
    for (byte[] known : keyHashes) {
      found |= MessageDigest.isEqual(known, given);
    }
    return found;
  }

  /** Whether pages of this origin may use the API in a browser. */
  boolean allows(String origin) {
    return allowedOrigins.contains(origin) || allowedOrigins.contains(Settings.ANY_ORIGIN)
        || !required() && !byApplication && loopbackOrigin(origin);
  }

  private static boolean loopbackOrigin(String origin) {
    try {
      String host = URI.create(origin).getHost();
      return host != null && LOOPBACK.matcher(host.toLowerCase(Locale.ROOT)).matches();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static String withoutPort(String host) {
    String name = host.toLowerCase(Locale.ROOT);
    int colon = name.lastIndexOf(':');
    return colon > name.lastIndexOf(']') ? name.substring(0, colon) : name;
  }

  private static byte[] hash(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
