package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.MessageContent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One saved conversation, read line by line into its blocks. */
final class ClaudeTranscript {

  /** Of a line that does not tell when it was said. */
  private static final String UNKNOWN_TIME = Instant.EPOCH.toString();

  private final boolean subagent;
  private final Map<String, Block> blocks = new LinkedHashMap<>();

  /** For messages whose lines do not say which block they hold. */
  private final Map<String, Integer> nextIndex = new HashMap<>();

  /** @param subagent whether it is that of a subagent, whose texts have other ids */
  ClaudeTranscript(boolean subagent) {
    this.subagent = subagent;
  }

  /** In the order they were saved. Calls of which the end is missing were cut off. */
  List<Block> blocks() {
    List<Block> all = new ArrayList<>(blocks.size());
    blocks.values().forEach(block -> all.add(cutOff(block)));
    return all;
  }

  void line(JsonNode line) {
    switch (line.path("type").asText()) {
      case "assistant" -> assistant(line, line.path("message"));
      case "user" -> user(line, line.path("message").path("content"));
      case "attachment" -> queued(line, line.path("attachment"));
      case "system" -> {
        if (line.path("subtype").asText().equals("compact_boundary")) {
          add(ClaudeNotes.compacted(line, line.path("compactMetadata"), time(line)));
        }
      }
      default -> { }
    }
  }

  private void assistant(JsonNode line, JsonNode message) {
    String messageId = message.path("id").asText();
    boolean error = line.path("isApiErrorMessage").asBoolean();
    String model = ClaudeBlocks.isSynthetic(message) ? null : message.path("model").asText(null);
    int n = 0;
    for (JsonNode entry : message.path("content")) {
      int index = index(line, messageId, n);
      String text = ClaudeBlocks.textOf(entry);
      String id = subagent ? ClaudeBlocks.subagentTextId(line.path("uuid").asText(), n) : ClaudeBlocks.textId(messageId, index);
      n++;
      if (text == null) {
        callOrResult(line, entry);
      } else if (error) {
        add(ClaudeBlocks.apiError(line, id, time(line), text));
      } else if (!ClaudeBlocks.isHiddenAnswer(message, text)) {
        add(ClaudeBlocks.text(entry, id, time(line), text, model));
      }
    }
  }

  private int index(JsonNode line, String messageId, int n) {
    JsonNode saved = line.path("apiBlockIndex");
    int index = saved.isInt() ? saved.asInt() + n : nextIndex.getOrDefault(messageId, 0);
    nextIndex.put(messageId, index + 1);
    return index;
  }

  private void user(JsonNode line, JsonNode content) {
    boolean results = false;
    for (JsonNode entry : content) {
      if (ClaudeBlocks.isResult(entry)) {
        results = true;
        callOrResult(line, entry);
      }
    }
    if (results || line.path("isMeta").asBoolean() || line.path("isSynthetic").asBoolean()
        || line.path("isCompactSummary").asBoolean() || line.path("isVisibleInTranscriptOnly").asBoolean()) {
      return;
    }
    MessageContent said = subagent ? ClaudeBlocks.prompt(content) : ClaudeBlocks.message(content);
    if (said != null) {
      add(new Block.UserMessage(line.path("uuid").asText(), time(line), said));
    }
  }

  /** A message that came while a turn ran. */
  private void queued(JsonNode line, JsonNode attachment) {
    JsonNode id = attachment.path("source_uuid");
    if (attachment.path("type").asText().equals("queued_command") && id.isTextual()) {
      MessageContent said = ClaudeBlocks.message(attachment.path("prompt"));
      if (said != null) {
        add(new Block.UserMessage(id.asText(), time(line), said));
      }
    }
  }

  private void callOrResult(JsonNode line, JsonNode entry) {
    if (ClaudeBlocks.isCall(entry)) {
      JsonNode input = entry.path("input");
      add(ClaudeBlocks.call(entry, time(line), input.isObject() ? input : Json.object(), CallStatus.RUNNING));
    } else if (ClaudeBlocks.isResult(entry)) {
      Block call = blocks.get(entry.path("tool_use_id").asText());
      if (call != null) {
        blocks.put(call.id(), ClaudeBlocks.ended(call, entry, line.path("toolUseResult"), call.timestamp(), time(line)));
      }
      if (!(call instanceof Block.SubagentCall)) {
        add(ClaudeBlocks.result(entry, call == null ? null : call.timestamp(), time(line)));
      }
    }
  }

  private static Block cutOff(Block block) {
    return switch (block) {
      case Block.ToolUse tool when tool.status() == CallStatus.RUNNING -> new Block.ToolUse(tool.id(), tool.timestamp(),
          tool.toolName(), tool.toolUseId(), tool.input(), CallStatus.ERROR, tool.displayName(), tool.description());
      case Block.SubagentCall call when call.status() == CallStatus.RUNNING -> new Block.SubagentCall(call.id(), call.timestamp(),
          call.subagentId(), call.name(), call.input(), CallStatus.ERROR, null, null, call.toolUseId());
      default -> block;
    };
  }

  private void add(Block block) {
    blocks.putIfAbsent(block.id(), block);
  }

  private static String time(JsonNode line) {
    return ClaudeBlocks.time(line, UNKNOWN_TIME);
  }
}
