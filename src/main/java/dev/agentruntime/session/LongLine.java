package dev.agentruntime.session;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * A line of an agent that is longer than one may be, made shorter as it comes: of its long JSON strings only the beginnings are kept. So
 * what it is about is understood all the same, above all that a turn has ended.
 */
final class LongLine {

  /** Enough for every id and word of a protocol. */
  private static final int SHORTEST_CUT_BYTES = 256;
  private static final int CUT_SHARE = 64;
  private static final byte[] MARK = "…".getBytes(StandardCharsets.UTF_8);
  private static final int UNICODE_ESCAPE_DIGITS = 4;

  private final int maxBytes;
  private final int maxStringBytes;
  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
  private long length;
  private boolean inString;
  private boolean cut;
  private int stringBytes;
  private boolean escaped;
  private int escapeDigits;

  /** @param maxBytes that a line may have */
  LongLine(int maxBytes) {
    this.maxBytes = maxBytes;
    this.maxStringBytes = Math.max(SHORTEST_CUT_BYTES, maxBytes / CUT_SHARE);
  }

  /** Bytes of the line so far, those among them that are not kept. */
  long length() {
    return length;
  }

  /** Whether the line is too long even so; then nothing of it is kept any more. */
  boolean isTooLong() {
    return kept.size() > maxBytes;
  }

  /** The line without what is too long in it; is JSON if the line is. */
  byte[] shortened() {
    return kept.toByteArray();
  }

  void add(byte[] bytes, int from, int to) {
    length += to - from;
    for (int i = from; i < to && !isTooLong(); i++) {
      add(bytes[i]);
    }
  }

  private void add(byte next) {
    if (!inString) {
      inString = next == '"';
      cut = false;
      stringBytes = 0;
      kept.write(next);
    } else if (isWithinCharacter(next)) {
      keep(next);
    } else if (next == '"') {
      inString = false;
      kept.write(next);
    } else {
      if (!cut && stringBytes >= maxStringBytes) {
        cut = true;
        kept.writeBytes(MARK);
      }
      escaped = next == '\\';
      keep(next);
    }
  }

  /** A character is kept whole: one of several bytes, or an escape. */
  private boolean isWithinCharacter(byte next) {
    if (escaped) {
      escaped = false;
      escapeDigits = next == 'u' ? UNICODE_ESCAPE_DIGITS : 0;
      return true;
    }
    if (escapeDigits > 0) {
      escapeDigits--;
      return true;
    }
    return (next & 0xC0) == 0x80;
  }

  private void keep(byte next) {
    if (!cut) {
      stringBytes++;
      kept.write(next);
    }
  }
}
