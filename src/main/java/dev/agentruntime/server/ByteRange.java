package dev.agentruntime.server;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One range of bytes of a file (RFC 9110, 14.1.2).
 *
 * @param start first byte
 * @param length at least 1
 */
record ByteRange(long start, long length) {

  private static final Pattern ONE = Pattern.compile("bytes\\s*=\\s*(\\d{0,18})\\s*-\\s*(\\d{0,18})\\s*", Pattern.CASE_INSENSITIVE);

  /** A range that no byte of the file is in. */
  static final ByteRange UNSATISFIABLE = new ByteRange(-1, 0);

  /** @return {@code null} if the header is to be ignored: absent, several ranges, other units or not understood */
  static ByteRange parse(String header, long size) {
    Matcher range = header == null ? null : ONE.matcher(header.strip());
    if (range == null || !range.matches() || range.group(1).isEmpty() && range.group(2).isEmpty()) {
      return null;
    }
    if (range.group(1).isEmpty()) {
      long last = Math.min(size, Long.parseLong(range.group(2)));
      return last == 0 ? UNSATISFIABLE : new ByteRange(size - last, last);
    }
    long start = Long.parseLong(range.group(1));
    long end = range.group(2).isEmpty() ? size - 1 : Long.parseLong(range.group(2));
    if (end < start && !range.group(2).isEmpty()) {
      return null;
    }
    return start >= size ? UNSATISFIABLE : new ByteRange(start, Math.min(end, size - 1) - start + 1);
  }
}
