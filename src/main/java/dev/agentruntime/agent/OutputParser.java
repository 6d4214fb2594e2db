package dev.agentruntime.agent;

import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.UsageMetadata;
import io.vertx.core.buffer.Buffer;

/**
 * Turns an agent's output into events, line by line. Holds the state of one process' output; not thread-safe.
 *
 * <p>Nothing an agent prints makes it throw: what it does not understand it gives to {@link Sink#unknown}.
 */
public interface OutputParser {

  /**
   * @param line bytes that hold the line from {@code from} (inclusive) to {@code to} (exclusive), without its line end; not kept
   */
  void line(byte[] line, int from, int to, Sink sink);

  /** Where a parser puts what it understood, in order. */
  interface Sink {

    /**
     * Events of blocks and subagents. The receiver sees to it that every block starts and ends once; a parser need not complete what
     * the end of a turn completes anyway.
     */
    void event(SessionEvent event);

    /** The agent has taken a message that it was given. */
    void messageTaken(String messageId);

    /** The agent has begun a turn that nobody asked for. */
    void turnBegan();

    /** The agent has ended a turn. */
    void turnEnded(TurnEnd end);

    /**
     * Waiting on for the turn's end makes no sense: the agent repeats a request that failed for good, or has said what cannot be read.
     *
     * @param why a sentence for users
     */
    void hopeless(String why);

    /** What the parser has to say to the agent, which may wait for it: whole lines for its input. */
    void answer(Buffer lines);

    /** A line that means nothing to the parser, for the log; shortened. */
    void unknown(String line);
  }

  /**
   * @param messageId whose turn it was, or {@code null} for a turn that the agent began by itself, or if the agent does not tell
   * @param unsolicited whether the agent says that it began the turn by itself
   * @param error a sentence for users, only with {@link TurnOutcome#ERROR}
   * @param used what this turn alone used (differences, not totals), or {@code null}
   */
  record TurnEnd(String messageId, boolean unsolicited, TurnOutcome outcome, String error, UsageMetadata used) {

    /** The running turn failed, for a reason outside the agent. */
    public static TurnEnd error(String error) {
      return new TurnEnd(null, false, TurnOutcome.ERROR, error, null);
    }

    /** The agent is gone, and how much it had done of the running turn is not known. @param how a sentence for users */
    public static TurnEnd agentLost(String how) {
      return error(how + " Part of the work may be done, so the message is not run again; a new message continues from here.");
    }
  }
}
