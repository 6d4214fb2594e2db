package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.WellFormed;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.HashSet;
import java.util.Set;

/**
 * Claude Code's {@code stream-json} output as events. What the lines are and mean is in the type {@code SDKMessage} of the npm package
 * {@code @anthropic-ai/claude-agent-sdk}; measured with the CLI 2.1.330.
 *
 * <p>Of a text block there come its start, its pieces, then the whole block in an {@code assistant} message, and only then its stop. The
 * order between the blocks' results and the end of the message that called them is not fixed.
 */
public final class ClaudeOutputParser implements OutputParser {

  /** What of a line that is not understood is handed on. */
  private static final int UNKNOWN_LINE_CHARS = 300;

  /** Types of lines that are of no interest here. */
  private static final Set<String> SILENT = Set.of("keep_alive", "tool_progress", "tool_use_summary", "control_cancel_request",
      "conversation_reset", "prompt_suggestion", "rate_limit_event", "streamlined_text", "streamlined_tool_use_summary");

  private final Clock clock;
  private final DeltaScanner scanner = new DeltaScanner();
  private final ClaudeStream stream = new ClaudeStream();
  private final ClaudeCalls calls = new ClaudeCalls();
  private final ClaudeTurns turns = new ClaudeTurns();

  public ClaudeOutputParser(Clock clock) {
    this.clock = clock;
  }

  @Override
  public void line(byte[] line, int from, int to, Sink sink) {
    if (scanner.scan(line, from, to)) {
      stream.delta(scanner, sink);
      return;
    }
    JsonNode tree = read(line, from, to);
    if (tree == null || !tree.isObject() || !tree.path("type").isTextual()) {
      String text = new String(line, from, to - from, StandardCharsets.UTF_8);
      if (!text.isBlank()) {
        sink.unknown(shortened(text));
      }
      return;
    }
    message(tree, sink);
  }

  private void message(JsonNode line, Sink sink) {
    String type = line.path("type").asText();
    switch (type) {
      case "stream_event" -> streamEvent(line, line.path("event"), sink);
      case "assistant" -> assistant(line, sink);
      case "user" -> user(line, sink);
      case "system" -> system(line, line.path("subtype").asText(), sink);
      case "result" -> result(line, sink);
      case "command_lifecycle" -> turns.lifecycle(line, sink);
      case "control_request" -> asked(line, sink);
      case "control_response" -> answered(line, sink);
      case "auth_status" -> note(ClaudeNotes.authStatus(line, time(line)), sink);
      default -> {
        if (!SILENT.contains(type)) {
          sink.unknown(shortened(line.toString()));
        }
      }
    }
  }

  private void streamEvent(JsonNode line, JsonNode event, Sink sink) {
    if (line.path("parent_tool_use_id").isTextual()) {
      return;
    }
    String messageId = line.path("api_message_id").asText(event.path("message").path("id").asText());
    int index = event.path("index").asInt(-1);
    switch (event.path("type").asText()) {
      case "message_start" -> {
        turns.working(sink);
        turns.model(event.path("message"));
        stream.begin(event.path("message"));
      }
      case "content_block_start" -> {
        turns.working(sink);
        blockStart(messageId, index, event.path("content_block"), sink);
      }
      case "content_block_delta" -> {
        String text = delta(event.path("delta"));
        if (text != null) {
          stream.delta(messageId, index, text, sink);
        }
      }
      case "message_stop" -> messageStop(messageId, line.path("abandoned_blocks"), sink);
      default -> { }
    }
  }

  private static String delta(JsonNode delta) {
    return switch (delta.path("type").asText()) {
      case "text_delta" -> delta.path("text").asText();
      case "thinking_delta" -> delta.path("thinking").asText();
      default -> null;
    };
  }

  private void blockStart(String messageId, int index, JsonNode entry, Sink sink) {
    String type = entry.path("type").asText();
    String text = ClaudeBlocks.textOf(entry);
    if (text != null) {
      stream.open(messageId, index, type,
          ClaudeBlocks.text(entry, ClaudeBlocks.textId(messageId, index), now(), "", stream.model(messageId)), sink);
      stream.delta(messageId, index, text, sink);
    } else if (ClaudeBlocks.isCall(entry)) {
      calls.start(SessionEvent.MAIN, entry, now(), sink);
      stream.open(messageId, index, type, calls.block(entry.path("id").asText()), sink);
    } else {
      stream.open(messageId, index, type, null, sink);
    }
  }

  private void messageStop(String messageId, JsonNode abandoned, Sink sink) {
    if (abandoned.isObject()) {
      String of = abandoned.path("api_message_id").asText(messageId);
      for (String call : stream.abandon(of, abandoned.path("from_block_index").asInt(), sink)) {
        calls.withdraw(call, sink);
      }
    }
    stream.finish(messageId, sink);
  }

  private void assistant(JsonNode line, Sink sink) {
    JsonNode parent = line.path("parent_tool_use_id");
    if (parent.isTextual()) {
      subagentSays(line, parent.asText(), sink);
      return;
    }
    turns.working(sink);
    JsonNode message = line.path("message");
    String messageId = message.path("id").asText();
    boolean error = line.path("is_api_error_message").asBoolean();
    if (!ClaudeBlocks.isSynthetic(message)) {
      turns.model(message);
    }
    for (JsonNode entry : message.path("content")) {
      String text = ClaudeBlocks.textOf(entry);
      if (text == null) {
        callOrResult(SessionEvent.MAIN, line, entry, sink);
        passed(messageId, entry);
      } else if (error) {
        turns.errorShown();
        note(ClaudeBlocks.apiError(line, ClaudeBlocks.textId(messageId, stream.nextIndex(messageId)), time(line), text), sink);
      } else if (!ClaudeBlocks.isHiddenAnswer(message, text)) {
        says(messageId, message, entry, text, time(line), sink);
      }
    }
  }

  /** A whole text of the main conversation: the end of one that was streamed, or one that was not. */
  private void says(String messageId, JsonNode message, JsonNode entry, String text, String time, Sink sink) {
    ClaudeStream.Place place = stream.streamed(messageId, entry.path("type").asText());
    if (place == null) {
      String model = ClaudeBlocks.isSynthetic(message) ? null : message.path("model").asText(null);
      whole(SessionEvent.MAIN,
          ClaudeBlocks.text(entry, ClaudeBlocks.textId(messageId, stream.nextIndex(messageId)), time, text, model), sink);
    } else {
      stream.complete(place, text, sink);
    }
  }

  /** A block that is no text takes its place in its message, too. */
  private void passed(String messageId, JsonNode entry) {
    ClaudeStream.Place place = stream.streamed(messageId, entry.path("type").asText());
    if (place == null) {
      stream.nextIndex(messageId);
    } else if (!place.isText() && place.first == null) {
      place.end();
    }
  }

  private void subagentSays(JsonNode line, String conversation, Sink sink) {
    calls.discovered(conversation, line.path("subagent_type").asText(null), line.path("agent_id").asText(null), sink);
    JsonNode message = line.path("message");
    String uuid = line.path("uuid").asText();
    int n = 0;
    for (JsonNode entry : message.path("content")) {
      String text = ClaudeBlocks.textOf(entry);
      String id = ClaudeBlocks.subagentTextId(uuid, n++);
      if (text == null) {
        callOrResult(conversation, line, entry, sink);
      } else if (line.path("is_api_error_message").asBoolean()) {
        both(conversation, ClaudeBlocks.apiError(line, id, time(line), text), sink);
      } else if (!ClaudeBlocks.isHiddenAnswer(message, text)) {
        String model = ClaudeBlocks.isSynthetic(message) ? null : message.path("model").asText(null);
        whole(conversation, ClaudeBlocks.text(entry, id, time(line), text, model), sink);
      }
    }
  }

  private void callOrResult(String conversation, JsonNode line, JsonNode entry, Sink sink) {
    if (ClaudeBlocks.isCall(entry)) {
      calls.run(conversation, entry, time(line), sink);
    } else if (ClaudeBlocks.isResult(entry)) {
      calls.end(conversation, entry, line.path("tool_use_result"), time(line), sink);
    }
  }

  private void user(JsonNode line, Sink sink) {
    if (line.path("isReplay").asBoolean()) {
      turns.taken(line.path("uuid").asText(), sink);
      return;
    }
    JsonNode parent = line.path("parent_tool_use_id");
    String conversation = parent.isTextual() ? parent.asText() : SessionEvent.MAIN;
    if (parent.isTextual()) {
      calls.discovered(conversation, line.path("subagent_type").asText(null), line.path("agent_id").asText(null), sink);
    }
    JsonNode content = line.path("message").path("content");
    boolean results = false;
    for (JsonNode entry : content) {
      if (ClaudeBlocks.isResult(entry)) {
        results = true;
        calls.end(conversation, entry, line.path("tool_use_result"), time(line), sink);
      }
    }
    MessageContent prompt = results || !parent.isTextual() || line.path("isSynthetic").asBoolean() ? null
        : ClaudeBlocks.prompt(content);
    if (prompt != null) {
      both(conversation, new Block.UserMessage(line.path("uuid").asText(), time(line), prompt), sink);
    }
  }

  private void system(JsonNode line, String subtype, Sink sink) {
    switch (subtype) {
      case "init" -> line.path("user_message_uuids").forEach(id -> turns.taken(id.asText(), sink));
      case "session_state_changed" -> {
        if (line.path("state").asText().equals("idle")) {
          turns.idle(sink);
        }
      }
      case "api_retry" -> {
        turns.working(sink);
        note(ClaudeNotes.note(line, time(line)), sink);
        if (ClaudeNotes.isHopeless(line)) {
          sink.hopeless("The model's API refused the credentials (" + line.path("error_status").asInt()
              + "). Check ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL.");
        }
      }
      case "task_started" -> taskStarted(line, sink);
      case "task_notification" -> taskEnded(line, line.path("status").asText(), sink);
      case "task_updated" -> taskEnded(line, line.path("patch").path("status").asText(), sink);
      case "background_tasks_changed" -> {
        Set<String> tasks = new HashSet<>();
        line.path("tasks").forEach(task -> tasks.add(task.path("task_id").asText()));
        calls.background(tasks);
      }
      default -> {
        if (!ClaudeNotes.isSilent(subtype)) {
          note(ClaudeNotes.note(line, time(line)), sink);
        }
      }
    }
  }

  private void taskStarted(JsonNode line, Sink sink) {
    JsonNode call = line.path("tool_use_id");
    boolean agent = line.path("subagent_type").isTextual() || line.path("task_type").asText().equals("local_agent");
    if (call.isTextual() && (agent || calls.isSubagentCall(call.asText()))) {
      calls.discovered(call.asText(), line.path("subagent_type").asText(null), line.path("task_id").asText(null), sink);
    }
  }

  private void taskEnded(JsonNode line, String status, Sink sink) {
    boolean well = status.equals("completed");
    if (!well && !status.equals("failed") && !status.equals("stopped") && !status.equals("killed")) {
      return;
    }
    String call = line.path("tool_use_id").asText(null);
    call = call == null ? calls.callOfTask(line.path("task_id").asText()) : call;
    if (call != null) {
      calls.finished(call, well, sink);
    }
  }

  private void result(JsonNode line, Sink sink) {
    ClaudeResult result = new ClaudeResult(line);
    if (result.outcome() == TurnOutcome.ERROR && turns.needsError() && line.path("uuid").isTextual()) {
      note(new Block.ErrorNote(line.path("uuid").asText(), time(line), result.error(), result.code()), sink);
    }
    stream.clear();
    calls.turnEnded();
    turns.ended(result, sink);
  }

  /** Under bypassed permissions nothing asks. Should the CLI ask nevertheless, it is told no rather than left to wait. */
  private void asked(JsonNode line, Sink sink) {
    ObjectNode answer = Json.object().put("type", "control_response");
    ObjectNode response = answer.putObject("response").put("request_id", line.path("request_id").asText());
    if (line.path("request").path("subtype").asText().equals("can_use_tool")) {
      response.put("subtype", "success");
      response.putObject("response").put("behavior", "deny").put("message", "There is nobody to ask here.");
    } else {
      response.put("subtype", "error").put("error", "This host does not answer such requests.");
    }
    sink.answer(line(answer));
  }

  /** After an interrupt what runs in the background is stopped, too, which the interrupt itself does not do. */
  private void answered(JsonNode line, Sink sink) {
    String request = line.path("response").path("request_id").asText();
    if (request.startsWith(ClaudeControl.INTERRUPT)) {
      stream.interrupted();
      for (String task : calls.background()) {
        sink.answer(ClaudeControl.stopTask(task));
      }
    } else if (line.path("response").path("subtype").asText().equals("error")) {
      sink.unknown(shortened(line.toString()));
    }
  }

  /** A text that comes whole is streamed in one piece. */
  private static void whole(String conversation, Block block, Sink sink) {
    sink.event(new SessionEvent.BlockStart(conversation, block.withText("")));
    if (!block.text().isEmpty()) {
      sink.event(new SessionEvent.BlockDelta(conversation, block.id(), block.text()));
    }
    sink.event(new SessionEvent.BlockComplete(conversation, block.id(), block));
  }

  private static void note(Block block, Sink sink) {
    if (block != null) {
      both(SessionEvent.MAIN, block, sink);
    }
  }

  private static void both(String conversation, Block block, Sink sink) {
    sink.event(new SessionEvent.BlockStart(conversation, block));
    sink.event(new SessionEvent.BlockComplete(conversation, block.id(), block));
  }

  private String time(JsonNode line) {
    return ClaudeBlocks.time(line, now());
  }

  private String now() {
    return clock.instant().truncatedTo(ChronoUnit.MILLIS).toString();
  }

  static Buffer line(ObjectNode json) {
    return Buffer.buffer(Json.bytes(json)).appendByte((byte) '\n');
  }

  /** @return {@code null} if the line is no JSON */
  private static JsonNode read(byte[] line, int from, int to) {
    try {
      JsonNode tree = Json.MAPPER.readTree(line, from, to - from);
      return tree != null && WellFormed.suspect(line, from, to) ? WellFormed.tree(tree) : tree;
    } catch (IOException e) {
      return null;
    }
  }

  private static String shortened(String text) {
    return text.length() <= UNKNOWN_LINE_CHARS ? text : text.substring(0, UNKNOWN_LINE_CHARS) + "…";
  }
}
