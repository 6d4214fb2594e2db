package dev.agentruntime.session;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.MessageContent;
import java.util.Map;

/** A line of a session's journal. Stored for good: names here are never reused with another meaning. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "k")
@JsonSubTypes({
    @JsonSubTypes.Type(JournalEntry.Accepted.class),
    @JsonSubTypes.Type(JournalEntry.Withdrawn.class),
    @JsonSubTypes.Type(JournalEntry.Interrupted.class),
    @JsonSubTypes.Type(JournalEntry.Delivered.class),
    @JsonSubTypes.Type(JournalEntry.Consumed.class),
    @JsonSubTypes.Type(JournalEntry.Began.class),
    @JsonSubTypes.Type(JournalEntry.Happened.class),
    @JsonSubTypes.Type(JournalEntry.Transcripts.class)
})
@JsonInclude(JsonInclude.Include.NON_NULL)
sealed interface JournalEntry {

  /**
   * A message was taken; from here on it ends in a turn.
   *
   * @param interrupts the turn that is to be stopped for it, or {@code null}
   */
  @JsonTypeName("accepted")
  record Accepted(String turnId, String messageId, int queued, MessageContent content, String interrupts) implements JournalEntry {}

  /** A turn was told to stop. */
  @JsonTypeName("interrupted")
  record Interrupted(String turnId) implements JournalEntry {}

  /** A message whose acceptance could not be stored in time, so that its sender was refused. */
  @JsonTypeName("withdrawn")
  record Withdrawn(String messageId) implements JournalEntry {}

  /** A message is about to be given to an agent's process, whose output of the turn starts at {@code offset}. */
  @JsonTypeName("delivered")
  record Delivered(String turnId, String processId, long offset) implements JournalEntry {}

  /** The output of a process is understood up to {@code offset}, where no turn runs. */
  @JsonTypeName("consumed")
  record Consumed(String processId, long offset) implements JournalEntry {}

  /** A block has its place in the conversation; it is whole once it is told as completed. @param at its timestamp, where it was noted */
  @JsonTypeName("began")
  record Began(String conversation, String block, String at) implements JournalEntry {}

  /** An event that changes what the session shows. @param at epoch milliseconds */
  @JsonTypeName("event")
  record Happened(String event, long at, ObjectNode data) implements JournalEntry {}

  /** How much of the agent's own transcripts is stored: bytes by path. */
  @JsonTypeName("transcripts")
  record Transcripts(Map<String, Long> lengths) implements JournalEntry {}
}
