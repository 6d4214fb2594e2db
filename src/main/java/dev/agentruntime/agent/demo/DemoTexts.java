package dev.agentruntime.agent.demo;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;

/** The longer things that the demo agent has to say. */
final class DemoTexts {

  /** Deltas that are hard to get right: combined characters, halves of one, both directions, line separators. */
  static final List<String> UNICODE = List.of("Grüße, ", "👩‍👩‍👧‍👦 ", "🇩🇪 ", "漢字 かな ", "שלום ", "tab\t", "line\n", "quote\" ", "backslash\\ ",
      "\u2028\u2029 ", "smile ", "\ud83d", "\ude00", " end.");

  private DemoTexts() {}

  /** Lines that mean nothing to anybody; the last has its line end. */
  static byte[] rubbish(String sessionId) {
    var bytes = new ByteArrayOutputStream();
    bytes.writeBytes("""
        this is not JSON
        {"type":"nobody_knows_this","session_id":"%1$s"}
        {"type":"stream_event","event":{"type":"content_block_del
        {"type":"stream_event","event":{"type":"content_block_delta","index":99,"delta":{"type":"text_delta","text":"lost"}},\
        "session_id":"%1$s","parent_tool_use_id":null,"api_message_id":"msg_never_started"}
        {"type":"assistant"}
        {"type":"assistant","message":{"id":7,"content":"no list"}}
        {"type":"user","message":null}
        [1,2,3]
        null

        """.formatted(sessionId).getBytes(StandardCharsets.UTF_8));
    bytes.writeBytes(new byte[] {(byte) 0xff, (byte) 0xfe, 0, 'x', '\n'});
    return bytes.toByteArray();
  }

  static String recalled(List<String> userTexts) {
    if (userTexts.isEmpty()) {
      return "You have said nothing before this.";
    }
    var text = new StringBuilder("You have said so far:");
    for (int i = 0; i < userTexts.size(); i++) {
      text.append('\n').append(i + 1).append(". ").append(userTexts.get(i));
    }
    return text.toString();
  }

  /** Half a sentence, after which the process is gone. */
  static Iterator<String> thenCrash(Runnable flush) {
    return Stream.of("This ", "sentence ", "will ", "never ", "").peek(word -> {
      if (word.isEmpty()) {
        flush.run();
        Runtime.getRuntime().halt(DemoAgent.CRASHED);
      }
    }).iterator();
  }

  /** Now, to the millisecond, as the real agent has it. */
  static String time() {
    return Instant.ofEpochMilli(System.currentTimeMillis()).toString();
  }

  /** The real agent's word for a failed request. @param status 0 for a connection that broke */
  static String apiError(int status) {
    return switch (status) {
      case 0 -> "unknown";
      case 400 -> "invalid_request";
      case 401, 403 -> "authentication_failed";
      case 429 -> "rate_limit";
      case 529 -> "overloaded";
      default -> "server_error";
    };
  }
}
