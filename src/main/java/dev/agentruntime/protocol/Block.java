package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.databind.JsonNode;

/**
 * One piece of a conversation as clients see it. Immutable; {@code null} fields are left out of the JSON.
 *
 * <p>The {@code id} is given once, by whoever made the block (the client for its message, the agent for what it says), and is the same live,
 * after a reload and on another node. The {@code timestamp} is ISO 8601 in UTC.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(Block.UserMessage.class),
    @JsonSubTypes.Type(Block.AssistantText.class),
    @JsonSubTypes.Type(Block.Thinking.class),
    @JsonSubTypes.Type(Block.ToolUse.class),
    @JsonSubTypes.Type(Block.ToolResult.class),
    @JsonSubTypes.Type(Block.SystemNote.class),
    @JsonSubTypes.Type(Block.SubagentCall.class),
    @JsonSubTypes.Type(Block.ErrorNote.class)
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface Block {

  /** Unique within its session. */
  String id();

  /** ISO 8601, UTC. */
  String timestamp();

  /** Whether the block's {@code content} grows by deltas while it is open. */
  @JsonIgnore
  default boolean streams() {
    return false;
  }

  /** The text that deltas append to, or {@code ""} for a block that has none. */
  @JsonIgnore
  default String text() {
    return "";
  }

  /** This block with other text; only for blocks that {@linkplain #streams() stream}. */
  default Block withText(String text) {
    throw new UnsupportedOperationException(getClass().getSimpleName() + " has no streamed text");
  }

  /** What a user, or a program on the user's behalf, said. */
  @JsonTypeName("user_message")
  record UserMessage(String id, String timestamp, MessageContent content) implements Block {}

  /** What the agent says. {@code model} is {@code null} when the agent does not tell. */
  @JsonTypeName("assistant_text")
  record AssistantText(String id, String timestamp, String content, String model) implements Block {
    @Override
    public boolean streams() {
      return true;
    }

    @Override
    public String text() {
      return content;
    }

    @Override
    public Block withText(String text) {
      return new AssistantText(id, timestamp, text, model);
    }
  }

  /** What the agent thinks, as far as the model shows it. */
  @JsonTypeName("thinking")
  record Thinking(String id, String timestamp, String content, String summary) implements Block {
    @Override
    public boolean streams() {
      return true;
    }

    @Override
    public String text() {
      return content;
    }

    @Override
    public Block withText(String text) {
      return new Thinking(id, timestamp, text, summary);
    }
  }

  /** A tool call; {@code input} is an object, empty while the call is {@code pending}. */
  @JsonTypeName("tool_use")
  record ToolUse(String id, String timestamp, String toolName, String toolUseId, JsonNode input, CallStatus status,
                 String displayName, String description) implements Block {}

  /** What a tool call gave; {@code output} is a string or the agent's own JSON. */
  @JsonTypeName("tool_result")
  record ToolResult(String id, String timestamp, String toolUseId, JsonNode output, boolean isError,
                    Long durationMs) implements Block {}

  /** A remark of the agent or the runtime. {@code subtype} is one of the {@code SUBTYPE_} words. */
  @JsonTypeName("system")
  record SystemNote(String id, String timestamp, String subtype, String message, JsonNode metadata) implements Block {
    public static final String SUBTYPE_SESSION_START = "session_start";
    public static final String SUBTYPE_SESSION_END = "session_end";
    public static final String SUBTYPE_ERROR = "error";
    public static final String SUBTYPE_STATUS = "status";
    public static final String SUBTYPE_HOOK_RESPONSE = "hook_response";
    public static final String SUBTYPE_AUTH_STATUS = "auth_status";
  }

  /** The call of a subagent, whose own blocks are in the conversation {@code subagentId}. */
  @JsonTypeName("subagent")
  record SubagentCall(String id, String timestamp, String subagentId, String name, JsonNode input, CallStatus status,
                      JsonNode output, Long durationMs, String toolUseId) implements Block {}

  /** Something went wrong, said for people to read. */
  @JsonTypeName("error")
  record ErrorNote(String id, String timestamp, String message, String code) implements Block {}
}
