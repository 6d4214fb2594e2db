package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * One message of the model while it is streamed: {@code message_start}, for each block its start, its deltas, the whole of it as an
 * {@code assistant} line, its stop; then {@code message_delta} and {@code message_stop}. It is saved when it ends.
 *
 * <p>For the thread of the turns. An interrupt of that thread ends a method with {@link InterruptedException}, after which only
 * {@link #interrupted} may be called.
 */
final class DemoMessage {

  private static final String SIGNATURE = "ZGVtbw==";

  private final DemoSession session;
  private final String userUuid;
  private final String id = DemoIds.message();
  private final String requestId = DemoIds.request();
  private final DemoUsage usage = new DemoUsage();
  private final List<Map<String, Object>> saved = new ArrayList<>();
  private int index;
  private String open;
  private final StringBuilder openText = new StringBuilder();

  /** @param userUuid of the message that it answers first, or {@code null} */
  DemoMessage(DemoSession session, String userUuid) {
    this.session = session;
    this.userUuid = userUuid;
    usage.input = 100 + 2L * session.userTexts.size();
    usage.cacheRead = 1000;
    usage.cacheWrite = 20;
    usage.output = 1;
    var start = streamed(object("type", "message_start", "message", message(List.of())));
    start.put("ttft_ms", 0);
    answering(start);
    session.out.line(start);
  }

  String id() {
    return id;
  }

  DemoUsage usage() {
    return usage;
  }

  String text(Iterator<String> deltas, long everyMs) throws InterruptedException {
    start("text", object("type", "text", "text", ""));
    stream("text_delta", "text", deltas, everyMs);
    String text = openText.toString();
    finish(object("type", "text", "text", text));
    return text;
  }

  void thinking(Iterator<String> deltas, long everyMs) throws InterruptedException {
    start("thinking", object("type", "thinking", "thinking", "", "signature", ""));
    stream("thinking_delta", "thinking", deltas, everyMs);
    delta(object("type", "signature_delta", "signature", SIGNATURE));
    usage.thinking += Math.max(1, openText.length() / 4);
    finish(object("type", "thinking", "thinking", openText.toString(), "signature", SIGNATURE));
  }

  /** Numbered deltas ({@code "f000000 "} and on), each a copy of one prepared line. */
  String flood(int count) throws InterruptedException {
    start("text", object("type", "text", "text", ""));
    String marker = "f000000 ";
    byte[] line = ("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"index\":" + index
        + ",\"delta\":{\"type\":\"text_delta\",\"text\":\"" + marker + "\"}},\"session_id\":\"" + session.id
        + "\",\"parent_tool_use_id\":null,\"uuid\":\"" + DemoIds.uuid() + "\",\"api_message_id\":\"" + id + "\"}\n")
        .getBytes(StandardCharsets.US_ASCII);
    String text = new String(line, StandardCharsets.US_ASCII);
    int digits = text.indexOf(marker) + 1;
    int random = text.indexOf("\"uuid\":\"") + 27;
    byte[] hex = new byte[16];
    for (int i = 0; i < count; i++) {
      for (int n = i, at = digits + 5; at >= digits; at--, n /= 10) {
        line[at] = (byte) ('0' + n % 10);
      }
      DemoIds.hex(hex, 0);
      System.arraycopy(hex, 0, line, random + 5, 12);
      unlessInterrupted(() -> session.out.bytes(line));
      openText.append('f');
      for (int at = digits; at < digits + 6; at++) {
        openText.append((char) line[at]);
      }
      openText.append(' ');
    }
    usage.output += count;
    finish(object("type", "text", "text", openText.toString()));
    return openText.toString();
  }

  /** @return the id of the call */
  String toolUse(String name, Map<String, Object> input) throws InterruptedException {
    String toolUseId = DemoIds.toolUse();
    start("tool_use", object("type", "tool_use", "id", toolUseId, "name", name, "input", object()));
    delta(object("type", "input_json_delta", "partial_json", ""));
    delta(object("type", "input_json_delta", "partial_json", PlainJson.text(input)));
    usage.output += 20;
    finish(object("type", "tool_use", "id", toolUseId, "name", name, "input", input));
    return toolUseId;
  }

  private void start(String type, Map<String, Object> block) throws InterruptedException {
    open = type;
    openText.setLength(0);
    session.out.line(streamed(object("type", "content_block_start", "index", index, "content_block", block)));
    stopIfInterrupted();
  }

  private void stream(String type, String field, Iterator<String> deltas, long everyMs) throws InterruptedException {
    long begun = System.nanoTime();
    for (long i = 0; deltas.hasNext(); i++) {
      if (everyMs > 0) {
        session.out.flush();
        long left = begun + i * everyMs * 1_000_000 - System.nanoTime();
        if (left > 0) {
          Thread.sleep(left / 1_000_000, (int) (left % 1_000_000));
        }
      }
      String text = deltas.next();
      unlessInterrupted(() -> delta(object("type", type, field, text)));
      openText.append(text);
      usage.output++;
    }
  }

  private void delta(Map<String, Object> delta) {
    var line = streamed(object("type", "content_block_delta", "index", index, "delta", delta));
    line.put("session_id", session.id);
    line.put("uuid", DemoIds.uuid());
    Object text = delta.get("text");
    session.out.bare(line, text instanceof String said && cutsCharacter(said));
  }

  private static boolean cutsCharacter(String text) {
    return !text.isEmpty() && (Character.isHighSurrogate(text.charAt(text.length() - 1)) || Character.isLowSurrogate(text.charAt(0)));
  }

  /** The whole block comes before its stop, and is saved later with the same ids. */
  private void finish(Map<String, Object> block) {
    var line = assistant(block);
    session.out.line(line);
    saved.add(line);
    stop();
  }

  private void stop() {
    session.out.line(streamed(object("type", "content_block_stop", "index", index)));
    index++;
    open = null;
  }

  private Map<String, Object> assistant(Map<String, Object> block) {
    var line = object("type", "assistant", "message", message(List.of(block)), "parent_tool_use_id", null, "session_id", session.id,
        "uuid", DemoIds.uuid(), "timestamp", DemoTexts.time(), "request_id", requestId);
    if (index == 0) {
      answering(line);
    }
    return line;
  }

  private Map<String, Object> message(List<Object> content) {
    return object("id", id, "type", "message", "role", "assistant", "model", session.model, "content", content, "stop_reason", null,
        "stop_sequence", null, "usage", usage.usage());
  }

  private void answering(Map<String, Object> line) {
    if (userUuid != null) {
      line.put("user_message_uuid", userUuid);
      line.put("user_message_uuids", List.of(userUuid));
    }
  }

  private Map<String, Object> streamed(Map<String, Object> event) {
    return object("type", "stream_event", "event", event, "session_id", session.id, "parent_tool_use_id", null,
        "uuid", DemoIds.uuid(), "api_message_id", id);
  }

  void end(String stopReason) {
    session.out.line(streamed(object("type", "message_delta", "delta", object("stop_reason", stopReason, "stop_sequence", null),
        "usage", usage.usage())));
    session.out.line(streamed(object("type", "message_stop")));
    save(stopReason, false);
    session.out.flush();
  }

  /** The connection to the model breaks in the middle of a text: nothing of this message counts. */
  void breakOff(Iterator<String> deltas) throws InterruptedException {
    start("text", object("type", "text", "text", ""));
    stream("text_delta", "text", deltas, 0);
    stop();
    abandonFrom(0);
    session.out.flush();
  }

  /** Ends it where it is. Unfinished text is kept; an unfinished call or thought is withdrawn. */
  void interrupted(Runnable betweenTextAndStop) {
    boolean keep = "text".equals(open) && !openText.isEmpty();
    if (keep) {
      var line = assistant(object("type", "text", "text", openText.toString()));
      line.put("aborted", true);
      session.out.line(line);
      saved.add(line);
    }
    save(null, keep);
    betweenTextAndStop.run();
    int from = keep ? index + 1 : index;
    if (open != null) {
      stop();
    }
    session.out.line(streamed(object("type", "message_delta", "delta", object("stop_reason", null, "stop_sequence", null),
        "usage", usage.usage())));
    abandonFrom(from);
  }

  private void abandonFrom(int fromIndex) {
    var line = streamed(object("type", "message_stop"));
    line.put("abandoned_blocks", object("api_message_id", id, "from_block_index", fromIndex));
    session.out.line(line);
  }

  private void save(String stopReason, boolean lastWasCutOff) {
    for (int i = 0; i < saved.size(); i++) {
      Map<String, Object> line = saved.get(i);
      Map<String, Object> message = PlainJson.asObject(line.get("message"));
      message.put("stop_reason", stopReason);
      message.put("usage", usage.usage());
      var entry = object("message", message, "apiBlockIndex", i, "requestId", requestId, "type", "assistant", "uuid", line.get("uuid"),
          "timestamp", line.get("timestamp"));
      if (lastWasCutOff && i == saved.size() - 1) {
        entry.put("isAbortedMidStream", true);
      }
      session.transcript.message(entry);
    }
    saved.clear();
  }

  /** Prints a piece of what is streamed, if it has not been stopped: whoever stops it holds the lock while that is answered. */
  private void unlessInterrupted(Runnable piece) throws InterruptedException {
    synchronized (session.out) {
      stopIfInterrupted();
      piece.run();
    }
  }

  private static void stopIfInterrupted() throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
  }
}
