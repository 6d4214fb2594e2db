package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.WellFormed;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;

/**
 * Claude Code's content as blocks. The same for the live stream and the saved transcript, so that a block has one id and one content.
 * What is read from was made {@linkplain WellFormed well-formed} before.
 */
final class ClaudeBlocks {

  /** {@code message.model} of what the CLI itself put into the model's mouth. */
  private static final String SYNTHETIC_MODEL = "<synthetic>";

  /** What the CLI has the model "say" when a conversation is resumed after a kill. */
  private static final String NOTHING_TO_SAY = "No response requested.";

  /** The API's tool is named {@code Agent}; {@code Task} is its older name. */
  private static final Set<String> SUBAGENT_TOOLS = Set.of("Agent", "Task");

  private static final Set<String> INTERRUPTED =
      Set.of("[Request interrupted by user]", "[Request interrupted by user for tool use]");

  /** How texts begin that the CLI writes in the user's name for the model alone. */
  private static final List<String> FOR_THE_MODEL = List.of("<task-notification>", "<command-name>", "<command-message>",
      "<local-command-stdout>", "<local-command-stderr>", "<local-command-caveat>", "<system-reminder>");

  private ClaudeBlocks() {}

  /** Of a streamed text, by its place in the API's message. */
  static String textId(String messageId, int index) {
    return messageId + ":" + index;
  }

  /** Of the {@code n}th text in one message of a subagent, which is not streamed and whose wrapper alone has an id. */
  static String subagentTextId(String uuid, int n) {
    return n == 0 ? uuid : uuid + ":" + n;
  }

  static String resultId(String toolUseId) {
    return "result:" + toolUseId;
  }

  /** When the line was said, by the CLI's clock. @param otherwise if it does not tell in ISO 8601 */
  static String time(JsonNode line, String otherwise) {
    String time = line.path("timestamp").asText();
    return instant(time) == null ? otherwise : time;
  }

  static boolean isSubagentTool(String name) {
    return SUBAGENT_TOOLS.contains(name);
  }

  static boolean isSynthetic(JsonNode message) {
    return message.path("model").asText().equals(SYNTHETIC_MODEL);
  }

  static boolean isHiddenAnswer(JsonNode message, String text) {
    return isSynthetic(message) && text.equals(NOTHING_TO_SAY);
  }

  /** The text of a {@code text} or {@code thinking} entry, else {@code null}. */
  static String textOf(JsonNode entry) {
    return switch (entry.path("type").asText()) {
      case "text" -> entry.path("text").asText();
      case "thinking" -> entry.path("thinking").asText();
      default -> null;
    };
  }

  static Block text(JsonNode entry, String id, String timestamp, String content, String model) {
    return entry.path("type").asText().equals("thinking")
        ? new Block.Thinking(id, timestamp, content, null)
        : new Block.AssistantText(id, timestamp, content, model);
  }

  /** Whether the entry is a call of a tool, be it run here or at the API's side. */
  static boolean isCall(JsonNode entry) {
    return entry.path("type").asText().endsWith("tool_use") && entry.path("id").isTextual();
  }

  static boolean isResult(JsonNode entry) {
    return entry.path("type").asText().endsWith("tool_result") && entry.path("tool_use_id").isTextual();
  }

  /** A call that has not ended, or of which that is not known. */
  static Block call(JsonNode entry, String timestamp, JsonNode input, CallStatus status) {
    String id = entry.path("id").asText();
    String name = entry.path("name").asText();
    if (isSubagentTool(name)) {
      return new Block.SubagentCall(id, timestamp, id, subagentName(input), input, status, null, null, id);
    }
    return new Block.ToolUse(id, timestamp, name, id, input, status, null, description(input));
  }

  /** What becomes known of a pending call when its input is whole. */
  static ObjectNode running(Block call) {
    ObjectNode updates = Json.object();
    switch (call) {
      case Block.ToolUse tool -> {
        updates.set("input", tool.input());
        if (tool.description() != null) {
          updates.put("description", tool.description());
        }
      }
      case Block.SubagentCall subagent -> {
        updates.set("input", subagent.input());
        if (subagent.name() != null) {
          updates.put("name", subagent.name());
        }
      }
      default -> { }
    }
    return updates.put("status", "running");
  }

  /**
   * A call that has ended.
   *
   * @param details the tool's structured result ({@code tool_use_result} live, {@code toolUseResult} saved)
   * @param calledAt and {@code timestamp}: of the lines of call and result, by the CLI's clock
   */
  static Block ended(Block call, JsonNode result, JsonNode details, String calledAt, String timestamp) {
    CallStatus status = isError(result) ? CallStatus.ERROR : CallStatus.SUCCESS;
    return switch (call) {
      case Block.ToolUse tool -> new Block.ToolUse(tool.id(), tool.timestamp(), tool.toolName(), tool.toolUseId(), tool.input(),
          status, tool.displayName(), tool.description());
      case Block.SubagentCall subagent -> new Block.SubagentCall(subagent.id(), subagent.timestamp(), subagent.subagentId(),
          subagent.name(), subagent.input(), status, TextNode.valueOf(report(result, details)),
          details.path("totalDurationMs").isNumber() ? (Long) Math.max(0, details.path("totalDurationMs").asLong())
              : elapsed(calledAt, timestamp), subagent.toolUseId());
      default -> call;
    };
  }

  static Block.ToolResult result(JsonNode entry, String calledAt, String timestamp) {
    String toolUseId = entry.path("tool_use_id").asText();
    return new Block.ToolResult(resultId(toolUseId), timestamp, toolUseId, output(entry.path("content")), isError(entry),
        elapsed(calledAt, timestamp));
  }

  static boolean isError(JsonNode result) {
    return result.path("is_error").asBoolean() || result.path("content").path("type").asText().endsWith("_error");
  }

  /** Whether the call only started a subagent that goes on in the background. */
  static boolean isBackgrounded(JsonNode details) {
    return details.path("status").asText().equals("async_launched");
  }

  static Block.ErrorNote apiError(JsonNode line, String id, String timestamp, String text) {
    JsonNode code = line.path("error");
    return new Block.ErrorNote(id, timestamp, text, code.isTextual() ? code.asText() : null);
  }

  /** Whether a text in the user's name was said by the user, or by the agent to its subagent. */
  static boolean isSaid(String text) {
    return !INTERRUPTED.contains(text) && FOR_THE_MODEL.stream().noneMatch(text::startsWith);
  }

  /** A message to a subagent; {@code null} if it is not to be shown. A lone text part is the same as the text. */
  static MessageContent prompt(JsonNode content) {
    JsonNode prompt = content.isArray() && content.size() == 1 && content.get(0).path("type").asText().equals("text")
        ? content.get(0).path("text") : content;
    if (prompt.isTextual()) {
      return isSaid(prompt.asText()) ? MessageContent.of(prompt) : null;
    }
    return null;
  }

  /** A user's message as saved; {@code null} if it is not to be shown. */
  static MessageContent message(JsonNode content) {
    if (content.isTextual()) {
      return isSaid(content.asText()) ? MessageContent.of(content) : null;
    }
    if (!content.isArray() || content.isEmpty()) {
      return null;
    }
    for (JsonNode part : content) {
      if (part.path("type").asText().equals("text") && !isSaid(part.path("text").asText())) {
        return null;
      }
    }
    return MessageContent.of(content);
  }

  /** Texts only are one text; anything else stays as it is. */
  private static JsonNode output(JsonNode content) {
    if (content.isArray()) {
      StringBuilder text = new StringBuilder();
      for (JsonNode part : content) {
        if (!part.path("type").asText().equals("text")) {
          return content;
        }
        text.append(text.isEmpty() ? "" : "\n").append(part.path("text").asText());
      }
      return TextNode.valueOf(text.toString());
    }
    return content.isMissingNode() || content.isNull() ? TextNode.valueOf("") : content;
  }

  /** What the subagent itself reported; the result's own text is wrapped in words for the model. */
  private static String report(JsonNode result, JsonNode details) {
    JsonNode content = details.path("content");
    for (int i = content.size() - 1; i >= 0; i--) {
      if (content.path(i).path("type").asText().equals("text")) {
        return content.path(i).path("text").asText();
      }
    }
    if (isBackgrounded(details)) {
      return "Runs in the background.";
    }
    JsonNode output = output(result.path("content"));
    return output.isTextual() ? output.asText() : output.toString();
  }

  private static String subagentName(JsonNode input) {
    JsonNode type = input.path("subagent_type");
    return type.isTextual() ? type.asText() : null;
  }

  private static String description(JsonNode input) {
    JsonNode description = input.path("description");
    return description.isTextual() ? description.asText() : null;
  }

  /** Milliseconds; {@code null} if a time is not known. */
  private static Long elapsed(String from, String to) {
    Instant began = instant(from);
    Instant ended = instant(to);
    return began == null || ended == null ? null : Math.max(0, Duration.between(began, ended).toMillis());
  }

  private static Instant instant(String text) {
    try {
      return text == null || text.isEmpty() ? null : Instant.parse(text);
    } catch (DateTimeException e) {
      return null;
    }
  }
}
