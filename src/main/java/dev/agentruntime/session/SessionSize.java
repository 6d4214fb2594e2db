package dev.agentruntime.session;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Block;

/**
 * What the conversations of a session, and its list of files without their contents, take of memory, about: their texts, and what the objects
 * cost that they are made of. Counted as they change. Belongs to the session's own context.
 */
final class SessionSize {

  /** A block with its places in lists and maps, beside its texts. */
  private static final int BLOCK_BYTES = 400;
  /** A subagent with its conversation, beside its blocks. */
  private static final int SUBAGENT_BYTES = 400;
  /** A file with its places in lists and maps, beside its path and content. */
  private static final int FILE_BYTES = 250;
  /** An id that is remembered, beside its text. */
  private static final int ID_BYTES = 120;
  /** A value within a JSON tree, or a field's place there, beside its text. */
  private static final int NODE_BYTES = 64;

  private long bytes;

  long bytes() {
    return bytes;
  }

  /** @param change bytes, negative for less */
  void add(long change) {
    bytes += change;
  }

  static long ofSubagent(String id, String name) {
    return SUBAGENT_BYTES + ID_BYTES + of(id) + of(name);
  }

  static long ofFile(String path) {
    return FILE_BYTES + of(path);
  }

  /** Of a block that is not there any more, whose id is never given again. */
  static long ofId(String id) {
    return ID_BYTES + of(id);
  }

  static long of(Block block) {
    return BLOCK_BYTES + ofId(block.id()) + switch (block) {
      case Block.UserMessage message -> of(message.content().json());
      case Block.AssistantText text -> of(text.content()) + of(text.model());
      case Block.Thinking thinking -> of(thinking.content()) + of(thinking.summary());
      case Block.ToolUse call -> of(call.toolName()) + of(call.toolUseId()) + of(call.input()) + of(call.displayName()) + of(call.description());
      case Block.ToolResult result -> of(result.toolUseId()) + of(result.output());
      case Block.SystemNote note -> of(note.subtype()) + of(note.message()) + of(note.metadata());
      case Block.SubagentCall call -> of(call.subagentId()) + of(call.name()) + of(call.input()) + of(call.output()) + of(call.toolUseId());
      case Block.ErrorNote error -> of(error.message()) + of(error.code());
    };
  }

  private static long of(String text) {
    return text == null ? 0 : text.length();
  }

  private static long of(JsonNode json) {
    if (json == null) {
      return 0;
    }
    long size = NODE_BYTES + of(json.textValue());
    if (json.isObject()) {
      for (var field : json.properties()) {
        size += NODE_BYTES + of(field.getKey()) + of(field.getValue());
      }
    } else {
      for (JsonNode element : json) {
        size += of(element);
      }
    }
    return size;
  }
}
