package dev.agentruntime.agent.demo;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/** Ids as the real agent's, from a plain random source: a secure one would cost time at every start. */
final class DemoIds {

  private static final String LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  private static final char[] HEX = "0123456789abcdef".toCharArray();
  private static final SplittableRandom RANDOM = new SplittableRandom(System.nanoTime() ^ (ProcessHandle.current().pid() << 40));

  private DemoIds() {}

  static String message() {
    return "msg_01" + letters();
  }

  static String toolUse() {
    return "toolu_01" + letters();
  }

  static String request() {
    return "req_01" + letters();
  }

  static String task() {
    return "a" + hex().substring(0, 16);
  }

  static synchronized String uuid() {
    String hex = hex() + hex();
    return hex.substring(0, 8) + "-" + hex.substring(8, 12) + "-4" + hex.substring(13, 16) + "-a" + hex.substring(17, 20) + "-"
        + hex.substring(20);
  }

  private static synchronized String letters() {
    var id = new char[22];
    for (int i = 0; i < id.length; i++) {
      id[i] = LETTERS.charAt(RANDOM.nextInt(LETTERS.length()));
    }
    return new String(id);
  }

  private static synchronized String hex() {
    var hex = new byte[16];
    hex(hex, 0);
    return new String(hex, StandardCharsets.ISO_8859_1);
  }

  /** Writes 16 random hexadecimal digits. */
  static synchronized void hex(byte[] to, int at) {
    long bits = RANDOM.nextLong();
    for (int i = 0; i < 16; i++) {
      to[at + i] = (byte) HEX[(int) (bits >>> (4 * i)) & 15];
    }
  }
}
