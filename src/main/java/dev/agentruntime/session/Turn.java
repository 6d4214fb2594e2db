package dev.agentruntime.session;

import dev.agentruntime.agent.OutputParser.TurnEnd;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.TurnOutcome;
import io.vertx.core.Promise;

/**
 * One run of the agent, from its message to its end. States: waiting for the agent; {@code delivered} to it; {@code heard} from it; ended,
 * which happens once and is what {@link #end} says. Belongs to the session's own context.
 */
final class Turn {

  final String turnId;
  /** {@code null} for a turn that the agent began by itself. */
  final String messageId;
  final MessageContent content;
  /** Epoch milliseconds. */
  final long startedAt;
  final long acceptedAtNanos;
  final Promise<TurnEnd> end = Promise.promise();
  /** Done when its end was told, and the next turn may begin. */
  final Promise<Void> over = Promise.promise();
  boolean delivered;
  /** The agent says that it has the message. */
  boolean taken;
  /** The agent has said something. */
  boolean heard;
  /** Whether it has not for some time; looked at in turns of its own. */
  boolean silent;
  boolean interrupted;
  boolean errorShown;
  boolean firstDelta;
  /** Why it makes no sense to wait on, or {@code null}. */
  String hopeless;
  /** Whether what has to be done after the end is being done; it is done once. */
  boolean finishing;

  Turn(String turnId, String messageId, MessageContent content, long startedAt, long acceptedAtNanos) {
    this.turnId = turnId;
    this.messageId = messageId;
    this.content = content;
    this.startedAt = startedAt;
    this.acceptedAtNanos = acceptedAtNanos;
  }

  /** Its end, if it was told to stop before its agent said one. */
  TurnEnd stopped() {
    return new TurnEnd(messageId, false, TurnOutcome.INTERRUPTED, null, null);
  }

  void fail(SessionSync sync, Throwable failure) {
    endUnlessLost(sync, TurnEnd.error(ErrorTranslation.toApi(failure).getMessage()));
  }

  /** Another server may have taken the session, with its agent: then this has not ended, but goes on there. */
  void endUnlessLost(SessionSync sync, TurnEnd how) {
    sync.unlessLost().onSuccess(v -> end.tryComplete(how));
  }
}
