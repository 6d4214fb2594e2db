package dev.agentruntime.session;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SendMessage.Accepted;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** The messages of a session: those that wait, in the order accepted, and the answers that all ever accepted were given. */
final class Inbox {

  /** A message whose turn has not started. */
  static final class Waiting {
    final Accepted accepted;
    final MessageContent content;
    final long acceptedAtNanos = System.nanoTime();
    /** Whether it survives the death of the process; only then its turn may start. */
    boolean stored;
    /** Whether a later message wants its turn stopped, which has not started yet. */
    boolean interrupted;

    Waiting(Accepted accepted, MessageContent content, boolean stored) {
      this.accepted = accepted;
      this.content = content;
      this.stored = stored;
    }
  }

  private final int limit;
  private final Deque<Waiting> waiting = new ArrayDeque<>();
  /** By {@link #key}. */
  private final Map<String, Accepted> answers = new HashMap<>();

  Inbox(int limit) {
    this.limit = limit;
  }

  /** What is the same for the same message: a UUID may be written in capitals or not. */
  static String key(String messageId) {
    return messageId.toLowerCase(Locale.ROOT);
  }

  /** @return the answer that a message of that id was given before, or {@code null} */
  Accepted answered(String messageId) {
    return answers.get(key(messageId));
  }

  /** @param behindTurn whether a turn runs now */
  Waiting add(String turnId, String messageId, MessageContent content, boolean behindTurn) {
    int place = waiting.size() + (behindTurn ? 1 : 0);
    if (place > limit) {
      throw new ApiException(ErrorCode.QUEUE_FULL, "The session has " + limit + " messages waiting already.");
    }
    Waiting message = new Waiting(new Accepted(turnId, messageId, place), content, false);
    waiting.add(message);
    answers.put(key(messageId), message.accepted);
    return message;
  }

  void restore(JournalEntry.Accepted entry) {
    Accepted accepted = new Accepted(entry.turnId(), entry.messageId(), entry.queued());
    waiting.add(new Waiting(accepted, entry.content(), true));
    answers.put(key(entry.messageId()), accepted);
  }

  void withdraw(String messageId) {
    waiting.removeIf(message -> message.accepted.messageId().equals(messageId));
    answers.remove(key(messageId));
  }

  /** Takes a message out that has started. @return {@code null} if it does not wait */
  Waiting started(String turnId) {
    for (Waiting message : waiting) {
      if (message.accepted.turnId().equals(turnId)) {
        waiting.remove(message);
        return message;
      }
    }
    return null;
  }

  /** @return the next message, taken out, or {@code null} if none can start yet */
  Waiting next() {
    Waiting first = waiting.peek();
    return first == null || !first.stored ? null : waiting.poll();
  }

  /** @return the turn of the first that waits, if it came before {@code later}; or {@code null} */
  String firstBefore(Waiting later) {
    Waiting first = waiting.peek();
    return first == null || first == later ? null : first.accepted.turnId();
  }

  /** A turn is not to run, if its message waits. @param turnId {@code null} for none */
  void interrupt(String turnId) {
    waiting.stream().filter(message -> message.accepted.turnId().equals(turnId)).forEach(message -> message.interrupted = true);
  }

  int size() {
    return waiting.size();
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }
}
