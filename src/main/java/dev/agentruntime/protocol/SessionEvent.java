package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * Something that happened in a session. The record is the domain's event, the payload on the bus and the {@code data} on the wire alike:
 * its components are the fields beside {@code sessionId}, its {@link JsonTypeName} is the event's name, which stands nowhere else.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface SessionEvent {

  /** The {@code conversationId} of what the session's own agent says; a subagent's conversation has the subagent's id. */
  String MAIN = "main";

  /** An event about one block. */
  sealed interface BlockEvent extends SessionEvent {
    String conversationId();

    String blockId();
  }

  /** A block begins, maybe with empty content. */
  @JsonTypeName("session:block:start")
  record BlockStart(String conversationId, Block block) implements BlockEvent {
    @Override
    public String blockId() {
      return block.id();
    }
  }

  /** Append {@code delta} to the block's content. Never ends within a surrogate pair. */
  @JsonTypeName("session:block:delta")
  record BlockDelta(String conversationId, String blockId, String delta) implements BlockEvent {}

  /** Replace the fields named in {@code updates}. */
  @JsonTypeName("session:block:update")
  record BlockUpdate(String conversationId, String blockId, ObjectNode updates) implements BlockEvent {}

  /** The block's final state. */
  @JsonTypeName("session:block:complete")
  record BlockComplete(String conversationId, String blockId, Block block) implements BlockEvent {}

  /** The agent withdrew an open block. */
  @JsonTypeName("session:block:removed")
  record BlockRemoved(String conversationId, String blockId) implements BlockEvent {}

  @JsonTypeName("session:status")
  record StatusChanged(RuntimeState runtime) implements SessionEvent {}

  /** The totals of the conversation so far, not of the last turn. */
  @JsonTypeName("session:metadata:update")
  record MetadataUpdate(String conversationId, UsageMetadata metadata) implements SessionEvent {}

  /** The options in force from now on, whole. */
  @JsonTypeName("session:options:update")
  record OptionsUpdate(ObjectNode options) implements SessionEvent {}

  /** The session's name or the client's own metadata changed; both are given as they are now, left out when there is none. */
  @JsonTypeName("session:updated")
  record SessionUpdated(String name, ObjectNode metadata) implements SessionEvent {}

  /** {@code messageId} is {@code null} for a turn that the agent began by itself, and is then written as null. */
  @JsonTypeName("session:turn:started")
  record TurnStarted(String turnId, @JsonInclude(JsonInclude.Include.ALWAYS) String messageId) implements SessionEvent {}

  /** The one terminal event of a turn. {@code error} is a sentence, only with {@link TurnOutcome#ERROR}. */
  @JsonTypeName("session:turn:completed")
  record TurnCompleted(String turnId, @JsonInclude(JsonInclude.Include.ALWAYS) String messageId, TurnOutcome outcome,
                       long durationMs, String error) implements SessionEvent {}

  /** A subagent was called; its conversation starts with {@code blocks} (mostly none). */
  @JsonTypeName("session:subagent:discovered")
  record SubagentDiscovered(Discovered subagent) implements SessionEvent {
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Discovered(String id, String name, String toolUseId, List<Block> blocks) {}
  }

  @JsonTypeName("session:subagent:completed")
  record SubagentCompleted(String subagentId, SubagentStatus status) implements SessionEvent {}

  @JsonTypeName("session:file:created")
  record FileCreated(WorkspaceFile file) implements SessionEvent {}

  @JsonTypeName("session:file:modified")
  record FileModified(WorkspaceFile file) implements SessionEvent {}

  @JsonTypeName("session:file:deleted")
  record FileDeleted(String path) implements SessionEvent {}

  /** Something failed that is not (only) a block of the conversation: a save, a sandbox, an installation. */
  @JsonTypeName("error")
  record ErrorEvent(ErrorCode code, String message) implements SessionEvent {}
}
