package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Encodes the events of one session. Deltas, which are nearly all of them, are written by hand over a prepared prefix.
 *
 * <p>Not thread-safe: it belongs to its session.
 */
public final class FrameEncoder {

  private static final JsonStringEncoder STRINGS = JsonStringEncoder.getInstance();
  private static final ClassValue<String> NAMES = new ClassValue<>() {
    @Override
    protected String computeValue(Class<?> type) {
      return type.getAnnotation(JsonTypeName.class).value();
    }
  };

  private static final byte[] DELTA_HEAD = ascii("{\"event\":\"session:block:delta\",\"seq\":");
  private static final byte[] DELTA_FIELD = ascii("\",\"delta\":\"");
  private static final byte[] DELTA_END = ascii("\"}}");

  /** Of a {@code long}. */
  private static final int MOST_DIGITS = 19;

  private final byte[] data;
  private byte[] buffer = new byte[0];
  private int length;

  /** The block of the last delta, for whose next delta the middle of the frame is ready. */
  private String lastConversation;
  private String lastBlock;
  private byte[] lastMiddle;

  /** The last number that was written, at the end of the array. */
  private final byte[] digits = new byte[MOST_DIGITS];
  private int firstDigit = MOST_DIGITS;
  private long spelled = -1;

  public FrameEncoder(String sessionId) {
    this.data = utf8(data(sessionId));
  }

  /** The event's name on the wire. */
  public static String name(SessionEvent event) {
    return NAMES.get(event.getClass());
  }

  public Frame encode(long seq, SessionEvent event) {
    return new Frame(seq, event, event instanceof SessionEvent.BlockDelta delta ? delta(seq, delta) : generic(seq, event));
  }

  /** Writes what a frame's JSON is, for any event but a delta, without having all of it in memory. */
  public static void write(String sessionId, long seq, SessionEvent event, OutputStream out) throws IOException {
    out.write(utf8("{\"event\":\"" + name(event) + "\",\"seq\":" + seq + data(sessionId)));
    Json.write(event, new FieldsOnly(out));
    out.write('}');
  }

  /** Makes of an object's opening brace the comma after the fields before. */
  private static final class FieldsOnly extends FilterOutputStream {
    private boolean begun;

    FieldsOnly(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int offset, int count) throws IOException {
      int skip = begun || count == 0 ? 0 : 1;
      if (skip == 1) {
        begun = true;
        out.write(',');
      }
      out.write(bytes, offset + skip, count - skip);
    }
  }

  private static String data(String sessionId) {
    return ",\"data\":{\"sessionId\":\"" + quoted(sessionId) + "\"";
  }

  private byte[] delta(long seq, SessionEvent.BlockDelta event) {
    if (!event.blockId().equals(lastBlock) || !event.conversationId().equals(lastConversation)) {
      lastBlock = event.blockId();
      lastConversation = event.conversationId();
      lastMiddle = utf8(new String(data, StandardCharsets.UTF_8) + ",\"conversationId\":\"" + quoted(lastConversation)
          + "\",\"blockId\":\"" + quoted(lastBlock));
    }
    length = 0;
    put(DELTA_HEAD);
    number(seq);
    put(lastMiddle);
    put(DELTA_FIELD);
    string(event.delta());
    put(DELTA_END);
    byte[] json = Arrays.copyOf(buffer, length);
    if (buffer.length > 16 * 1024) {
      buffer = new byte[0];
    }
    return json;
  }

  private byte[] generic(long seq, SessionEvent event) {
    byte[] fields = Json.bytes(event);
    byte[] head = utf8("{\"event\":\"" + name(event) + "\",\"seq\":" + seq);
    boolean empty = fields.length == 2;
    byte[] json = new byte[head.length + data.length + fields.length + (empty ? 0 : 1)];
    ByteBuffer all = ByteBuffer.wrap(json).put(head).put(data);
    if (!empty) {
      all.put((byte) ',').put(fields, 1, fields.length - 2);
    }
    all.put((byte) '}').put((byte) '}');
    return json;
  }

  /** Printable ASCII is copied as it is, which is nearly everything; the rest goes to Jackson. */
  private void string(String text) {
    int count = text.length();
    reserve(count);
    int start = length;
    for (int i = 0; i < count; i++) {
      char c = text.charAt(i);
      if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
        length = start;
        put(STRINGS.quoteAsUTF8(WellFormed.text(text)));
        return;
      }
      buffer[length++] = (byte) c;
    }
  }

  /** @param value not negative; mostly one more than the last */
  private void number(long value) {
    if (value != spelled + 1 || !increment()) {
      spell(value);
    }
    spelled = value;
    int count = digits.length - firstDigit;
    reserve(count);
    System.arraycopy(digits, firstDigit, buffer, length, count);
    length += count;
  }

  /** @return whether it has as many digits as before */
  private boolean increment() {
    int at = digits.length - 1;
    while (at >= firstDigit && digits[at] == '9') {
      digits[at--] = '0';
    }
    if (at < firstDigit) {
      return false;
    }
    digits[at]++;
    return true;
  }

  private void spell(long value) {
    firstDigit = digits.length;
    do {
      digits[--firstDigit] = (byte) ('0' + value % 10);
      value /= 10;
    } while (value > 0);
  }

  private void put(byte[] bytes) {
    reserve(bytes.length);
    System.arraycopy(bytes, 0, buffer, length, bytes.length);
    length += bytes.length;
  }

  private void reserve(int more) {
    if (buffer.length - length < more + 1) {
      buffer = Arrays.copyOf(buffer, Math.max(512, Math.max(buffer.length * 2, length + more + 1)));
    }
  }

  private static String quoted(String text) {
    return new String(STRINGS.quoteAsString(text));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
