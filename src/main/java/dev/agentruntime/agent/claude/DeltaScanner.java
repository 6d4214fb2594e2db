package dev.agentruntime.agent.claude;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads the one kind of line that nearly all are, a piece of a streamed block of the main conversation, in one pass over its bytes and
 * without a tree. Fields may come in any order. Whatever is not exactly such a line is refused, and has to be parsed in full.
 */
final class DeltaScanner {

  enum Kind { TEXT, THINKING, OTHER }

  private static final byte[] TYPE = ascii("type");
  private static final byte[] EVENT = ascii("event");
  private static final byte[] INDEX = ascii("index");
  private static final byte[] DELTA = ascii("delta");
  private static final byte[] TEXT = ascii("text");
  private static final byte[] THINKING = ascii("thinking");
  private static final byte[] PARENT = ascii("parent_tool_use_id");
  private static final byte[] MESSAGE_ID = ascii("api_message_id");
  private static final byte[] STREAM_EVENT = ascii("stream_event");
  private static final byte[] BLOCK_DELTA = ascii("content_block_delta");
  private static final byte[] TEXT_DELTA = ascii("text_delta");
  private static final byte[] THINKING_DELTA = ascii("thinking_delta");
  private static final byte[] NULL = ascii("null");

  /** Of the ASCII characters, those that are not simply part of a string: its end, an escape, and what must not be there. */
  private static final boolean[] ENDS_A_RUN = new boolean[128];

  static {
    Arrays.fill(ENDS_A_RUN, 0, ' ', true);
    ENDS_A_RUN['"'] = true;
    ENDS_A_RUN['\\'] = true;
  }

  private byte[] bytes;
  private int at;
  private int end;

  /** The string read last, between its quotes. */
  private int stringFrom;
  private int stringTo;
  private boolean escaped;

  private int messageFrom;
  private int messageTo;
  private boolean streamEvent;
  private boolean blockDelta;
  private int index;
  private Kind kind;
  private String text;
  private String thinking;

  /** Whether the line is a delta; the other methods then tell of it. */
  boolean scan(byte[] line, int from, int to) {
    bytes = line;
    at = from;
    end = to;
    messageFrom = messageTo = 0;
    streamEvent = blockDelta = false;
    index = -1;
    kind = null;
    text = thinking = null;
    return top() && streamEvent && blockDelta && index >= 0 && kind != null && messageTo > 0;
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

  boolean ofMessage(byte[] id) {
    return Arrays.equals(bytes, messageFrom, messageTo, id, 0, id.length);
  }

  String messageId() {
    return new String(bytes, messageFrom, messageTo - messageFrom, StandardCharsets.UTF_8);
  }

  private boolean top() {
    if (!symbol('{')) {
      return false;
    }
    do {
      if (!key()) {
        return false;
      }
      boolean fits;
      if (is(TYPE)) {
        streamEvent = fits = string() && is(STREAM_EVENT);
      } else if (is(EVENT)) {
        fits = event();
      } else if (is(MESSAGE_ID)) {
        fits = string() && !escaped;
        messageFrom = stringFrom;
        messageTo = stringTo;
      } else if (is(PARENT)) {
        fits = nothing();
      } else {
        fits = skip();
      }
      if (!fits) {
        return false;
      }
    } while (symbol(','));
    return symbol('}') && ended();
  }

  private boolean event() {
    if (!symbol('{')) {
      return false;
    }
    do {
      if (!key()) {
        return false;
      }
      boolean fits;
      if (is(TYPE)) {
        blockDelta = fits = string() && is(BLOCK_DELTA);
      } else if (is(INDEX)) {
        fits = number();
      } else if (is(DELTA)) {
        fits = delta();
      } else {
        fits = skip();
      }
      if (!fits) {
        return false;
      }
    } while (symbol(','));
    return symbol('}');
  }

  private boolean delta() {
    if (!symbol('{')) {
      return false;
    }
    do {
      if (!key()) {
        return false;
      }
      boolean fits;
      if (is(TYPE)) {
        fits = string();
        kind = is(TEXT_DELTA) ? Kind.TEXT : is(THINKING_DELTA) ? Kind.THINKING : Kind.OTHER;
      } else if (is(TEXT)) {
        fits = string() && (text = decoded()) != null;
      } else if (is(THINKING)) {
        fits = string() && (thinking = decoded()) != null;
      } else {
        fits = skip();
      }
      if (!fits) {
        return false;
      }
    } while (symbol(','));
    return symbol('}');
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
    if (!symbol('"')) {
      return false;
    }
    stringFrom = at;
    escaped = false;
    while (at < end) {
      byte b = bytes[at];
      if (b >= 0 && ENDS_A_RUN[b]) {
        if (b == '"') {
          stringTo = at++;
          return true;
        }
        if (b != '\\') {
          return false;
        }
        escaped = true;
        at++;
      }
      at++;
    }
    return false;
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
