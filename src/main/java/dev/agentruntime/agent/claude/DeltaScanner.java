package dev.agentruntime.agent.claude;

import dev.agentruntime.protocol.EightBytes;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads the one kind of line that nearly all are, a piece of a streamed block of the main conversation, without a tree. A line that
 * differs from the one before in its text and its own id only, as the lines of one block do, is compared with that one; any other is read
 * in one pass over its bytes, with its fields in any order. Whatever is not exactly such a line is refused, and has to be parsed in full.
 */
final class DeltaScanner {

  enum Kind { TEXT, THINKING, OTHER }

  /** Reads the value of the field whose name was read last. */
  private interface Field {
    boolean read();
  }

  private static final byte[] TYPE = ascii("type");
  private static final byte[] EVENT = ascii("event");
  private static final byte[] INDEX = ascii("index");
  private static final byte[] DELTA = ascii("delta");
  private static final byte[] TEXT = ascii("text");
  private static final byte[] THINKING = ascii("thinking");
  private static final byte[] PARENT = ascii("parent_tool_use_id");
  private static final byte[] LINE_ID = ascii("uuid");
  private static final byte[] MESSAGE_ID = ascii("api_message_id");
  private static final byte[] STREAM_EVENT = ascii("stream_event");
  private static final byte[] BLOCK_DELTA = ascii("content_block_delta");
  private static final byte[] TEXT_DELTA = ascii("text_delta");
  private static final byte[] THINKING_DELTA = ascii("thinking_delta");
  private static final byte[] NULL = ascii("null");

  private final Field topField = this::topField;
  private final Field eventField = this::eventField;
  private final Field deltaField = this::deltaField;

  private byte[] bytes;
  private int at;
  private int end;

  /** The string read last, between its quotes. */
  private int stringFrom;
  private int stringTo;
  private boolean escaped;

  private boolean streamEvent;
  private boolean blockDelta;
  private int index;
  private Kind kind;
  private String text;
  private String thinking;
  private byte[] messageId;

  /** Where the two strings are that differ from line to line. */
  private int textFrom;
  private int textTo;
  private int lineIdFrom;
  private int lineIdTo;

  /** The last line that was read in full, to compare others with; empty if there is none that serves. */
  private byte[] pattern = new byte[0];

  /** Whether the line is a delta; the other methods then tell of it. */
  boolean scan(byte[] line, int from, int to) {
    bytes = line;
    at = from;
    end = to;
    if (likePattern()) {
      return true;
    }
    at = from;
    return readInFull() && isDelta();
  }

  private boolean isDelta() {
    return streamEvent && blockDelta && index >= 0 && kind != null && messageId != null;
  }

  Kind kind() {
    return kind;
  }

  /** The block's place in its message. */
  int index() {
    return index;
  }

  /** The piece, not necessarily well-formed at its ends; {@code null} if the line had none. */
  String text() {
    return kind == Kind.TEXT ? text : thinking;
  }

  /** The message's id in UTF-8, never written to; the same array for all lines that were like one another. */
  byte[] messageId() {
    return messageId;
  }

  private boolean likePattern() {
    if (pattern.length == 0 || !same(0, textFrom) || !stringEnd() || (text = decoded()) == null) {
      return false;
    }
    thinking = text;
    return same(textTo + 1, lineIdFrom) && stringEnd() && same(lineIdTo + 1, pattern.length) && at == end;
  }

  /** Passes over what is in the pattern from {@code from} to {@code to}. */
  private boolean same(int from, int to) {
    int length = to - from;
    if (length > end - at || !Arrays.equals(bytes, at, at + length, pattern, from, to)) {
      return false;
    }
    at += length;
    return true;
  }

  private boolean readInFull() {
    int from = at;
    pattern = new byte[0];
    messageId = null;
    streamEvent = blockDelta = false;
    index = -1;
    kind = null;
    text = thinking = null;
    lineIdFrom = 0;
    if (!object(topField) || !ended()) {
      return false;
    }
    boolean oneText = text() != null && (text == null || thinking == null);
    if (isDelta() && oneText && textTo < lineIdFrom) {
      pattern = Arrays.copyOfRange(bytes, from, end);
      textFrom -= from;
      textTo -= from;
      lineIdFrom -= from;
      lineIdTo -= from;
    }
    return true;
  }

  private boolean object(Field field) {
    if (!symbol('{')) {
      return false;
    }
    do {
      if (!key() || !field.read()) {
        return false;
      }
    } while (symbol(','));
    return symbol('}');
  }

  private boolean topField() {
    if (is(TYPE)) {
      return streamEvent = string() && is(STREAM_EVENT);
    }
    if (is(EVENT)) {
      return object(eventField);
    }
    if (is(MESSAGE_ID)) {
      boolean fits = string() && !escaped && stringTo > stringFrom;
      messageId = fits ? Arrays.copyOfRange(bytes, stringFrom, stringTo) : null;
      return fits;
    }
    if (is(LINE_ID)) {
      boolean fits = string();
      lineIdFrom = stringFrom;
      lineIdTo = stringTo;
      return fits;
    }
    return is(PARENT) ? nothing() : skip();
  }

  private boolean eventField() {
    if (is(TYPE)) {
      return blockDelta = string() && is(BLOCK_DELTA);
    }
    if (is(DELTA)) {
      return object(deltaField);
    }
    return is(INDEX) ? number() : skip();
  }

  private boolean deltaField() {
    if (is(TYPE)) {
      boolean fits = string();
      kind = is(TEXT_DELTA) ? Kind.TEXT : is(THINKING_DELTA) ? Kind.THINKING : Kind.OTHER;
      return fits;
    }
    if (is(TEXT)) {
      return (text = piece()) != null;
    }
    return is(THINKING) ? (thinking = piece()) != null : skip();
  }

  private String piece() {
    if (!string()) {
      return null;
    }
    textFrom = stringFrom;
    textTo = stringTo;
    return decoded();
  }

  private void space() {
    while (at < end && (bytes[at] == ' ' || bytes[at] == '\t' || bytes[at] == '\r' || bytes[at] == '\n')) {
      at++;
    }
  }

  private boolean ended() {
    space();
    return at == end;
  }

  private boolean symbol(char symbol) {
    space();
    if (at < end && bytes[at] == symbol) {
      at++;
      return true;
    }
    return false;
  }

  private boolean key() {
    return string() && !escaped && symbol(':');
  }

  /** Whether the string read last, which has no escapes, is {@code word}. */
  private boolean is(byte[] word) {
    return stringTo - stringFrom == word.length
        && Arrays.equals(bytes, stringFrom, stringTo, word, 0, word.length);
  }

  private boolean nothing() {
    space();
    if (end - at >= NULL.length && Arrays.equals(bytes, at, at + NULL.length, NULL, 0, NULL.length)) {
      at += NULL.length;
      return true;
    }
    return false;
  }

  private boolean number() {
    space();
    int start = at;
    int value = 0;
    while (at < end && bytes[at] >= '0' && bytes[at] <= '9' && at - start < 9) {
      value = value * 10 + bytes[at++] - '0';
    }
    index = value;
    return at > start;
  }

  private boolean string() {
    return symbol('"') && stringEnd();
  }

  /** Reads a string whose first quote was passed. */
  private boolean stringEnd() {
    stringFrom = at;
    escaped = false;
    while (at < end) {
      at += plainBytes();
      byte b = at < end ? bytes[at] : 0;
      if (b == '"') {
        stringTo = at++;
        return true;
      }
      if (b == '\\') {
        escaped = true;
        at += 2;
      } else if (b >= 0 && b < ' ') {
        return false;
      } else {
        at++;
      }
    }
    return false;
  }

  /** How many bytes from here on are surely neither quote nor backslash nor control character. */
  private int plainBytes() {
    int count = 0;
    while (at + count + Long.BYTES <= end) {
      long eight = EightBytes.at(bytes, at + count);
      long special = EightBytes.equal(eight, '"') | EightBytes.equal(eight, '\\') | EightBytes.below(eight, ' ');
      if (special != 0) {
        return count + EightBytes.first(special);
      }
      count += Long.BYTES;
    }
    return count;
  }

  /** Passes over a value of no interest. */
  private boolean skip() {
    space();
    if (at == end) {
      return false;
    }
    if (bytes[at] == '"') {
      return string();
    }
    int depth = 0;
    while (at < end) {
      byte b = bytes[at];
      if (b == '"') {
        if (!string()) {
          return false;
        }
        continue;
      }
      if (depth == 0 && (b == ',' || b == '}' || b == ']')) {
        return true;
      }
      if (b == '{' || b == '[') {
        depth++;
      } else if (b == '}' || b == ']') {
        depth--;
      }
      at++;
      if (depth == 0 && (b == '}' || b == ']')) {
        return true;
      }
    }
    return false;
  }

  /** The string read last, or {@code null} if an escape in it is none. */
  private String decoded() {
    String raw = new String(bytes, stringFrom, stringTo - stringFrom, StandardCharsets.UTF_8);
    return escaped ? unescaped(raw) : raw;
  }

  private static String unescaped(String raw) {
    char[] out = new char[raw.length()];
    int length = 0;
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (c == '\\') {
        if (++i == raw.length()) {
          return null;
        }
        c = switch (raw.charAt(i)) {
          case 'n' -> '\n';
          case 't' -> '\t';
          case 'r' -> '\r';
          case 'b' -> '\b';
          case 'f' -> '\f';
          case '"', '\\', '/' -> raw.charAt(i);
          case 'u' -> 'u';
          default -> 0;
        };
        if (c == 0) {
          return null;
        }
        if (c == 'u') {
          int unit = hex(raw, i + 1);
          if (unit < 0) {
            return null;
          }
          c = (char) unit;
          i += 4;
        }
      }
      out[length++] = c;
    }
    return new String(out, 0, length);
  }

  private static int hex(String raw, int from) {
    if (from + 4 > raw.length()) {
      return -1;
    }
    int value = 0;
    for (int i = from; i < from + 4; i++) {
      int digit = Character.digit(raw.charAt(i), 16);
      if (digit < 0 || raw.charAt(i) > 'f') {
        return -1;
      }
      value = value << 4 | digit;
    }
    return value;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
