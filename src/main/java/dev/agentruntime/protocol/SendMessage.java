package dev.agentruntime.protocol;

/**
 * The body of {@code POST /sessions/:id/message}.
 *
 * @param messageId a UUID, or {@code null} to have one given
 * @param whenBusy {@code null} means {@link WhenBusy#ENQUEUE}
 */
public record SendMessage(MessageContent content, String messageId, WhenBusy whenBusy) {

  /**
   * The answer: the message will end in exactly one {@code session:turn:completed} of {@code turnId}.
   *
   * @param queued its place among the messages that wait, from 1; 0 if its turn starts at once
   */
  public record Accepted(String turnId, String messageId, int queued) {}
}
