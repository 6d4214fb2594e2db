package dev.agentruntime.sandbox.modal;

import java.util.regex.Pattern;

/** Takes out of a service's words what nobody may read: the token, and whatever looks like a JWT. */
final class Redaction {

  private static final Pattern JWT = Pattern.compile("eyJ[\\w-]{4,}\\.[\\w.-]+");
  private static final int MOST_CHARS = 500;

  private final ModalClientOptions options;

  Redaction(ModalClientOptions options) {
    this.options = options;
  }

  /** @return at most 500 characters */
  String of(String words) {
    String clean = words == null ? "" : JWT.matcher(without(without(words, options.tokenSecret()), options.tokenId())).replaceAll("***");
    return clean.length() > MOST_CHARS ? clean.substring(0, MOST_CHARS) + "…" : clean;
  }

  private static String without(String words, String secret) {
    return secret.isEmpty() ? words : words.replace(secret, "***");
  }
}
