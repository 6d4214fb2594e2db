package dev.agentruntime.support.modal;

import java.util.concurrent.ThreadLocalRandom;

/** Ids as Modal's newer sandboxes have them. */
final class Ids {

  private static final String DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  private static final int LENGTH = 26;

  private Ids() {}

  static String of(String prefix) {
    StringBuilder id = new StringBuilder(prefix);
    ThreadLocalRandom.current().ints(LENGTH, 0, DIGITS.length()).forEach(i -> id.append(DIGITS.charAt(i)));
    return id.toString();
  }
}
