package dev.agentruntime.session;

import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.WhenBusy;
import io.vertx.core.Future;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Accepts the messages of a session: each once, stored before it is answered. A message that is refused is never run, so that one which
 * the store may have, because it went away before it answered, is not refused: it waits until the store has answered, its sender for a
 * while. Those that come while the store is known to be away are refused at once. Belongs to the session's own context.
 */
final class Intake {

  private final RuntimeMetrics metrics;
  private final Session session;
  private final Inbox inbox;
  private final Journal journal;
  private final SessionStore store;
  private final SessionSync sync;
  private final Status status;
  private final TurnRunner turns;
  /** By {@link Inbox#key}. */
  private final Map<String, Future<Accepted>> accepting = new HashMap<>();

  Intake(RuntimeMetrics metrics, Session session, Inbox inbox, Journal journal, SessionStore store, SessionSync sync, Status status,
         TurnRunner turns) {
    this.metrics = metrics;
    this.session = session;
    this.inbox = inbox;
    this.journal = journal;
    this.store = store;
    this.sync = sync;
    this.status = status;
    this.turns = turns;
  }

  /** Accepts a message: done when it is stored, from when on it ends in exactly one turn. */
  Future<Accepted> send(SendMessage message) {
    String messageId = message.messageId() == null ? UUID.randomUUID().toString() : message.messageId();
    String key = Inbox.key(messageId);
    Future<Accepted> underWay = accepting.get(key);
    if (underWay != null) {
      return answer(underWay, messageId);
    }
    Accepted before = inbox.answered(messageId);
    if (before != null) {
      return Future.succeededFuture(before);
    }
    sync.refuseIfSilent();
    Future<Void> reached = sync.failing() ? sync.inTime(store()) : Future.succeededFuture();
    Future<Accepted> accepted = reached.compose(v -> accept(message, messageId));
    if (!accepted.isComplete()) {
      accepting.put(key, accepted);
    }
    accepted.onComplete(done -> accepting.remove(key));
    return reached.compose(v -> answer(accepted, messageId));
  }

  /** Nobody waits without end for a store that does not answer. The message does: it is accepted when the store has it. */
  private Future<Accepted> answer(Future<Accepted> accepted, String messageId) {
    return sync.inTime(accepted).recover(failure -> accepted.isComplete() ? accepted
        : Future.failedFuture(new ApiException(ErrorCode.STORE_FAILED, "The store does not answer, so it is not known whether the message is "
            + "stored. If it is, it runs once, when the store is back; send it again with the messageId " + messageId + " to learn whether it "
            + "is.", failure)));
  }

  private Future<Void> store() {
    return sync.saveRecord().compose(v -> store.flushJournal());
  }

  private Future<Accepted> accept(SendMessage message, String messageId) {
    if (session.full() != null) {
      throw new ApiException(ErrorCode.CONFLICT, session.full());
    }
    if (session.hasStarted(messageId)) {
      throw new ApiException(ErrorCode.CONFLICT, "The messageId is the id of another block of this session; choose a new one.");
    }
    boolean busy = turns.hasAccepted();
    if (busy && message.whenBusy() == WhenBusy.REJECT) {
      throw new ApiException(ErrorCode.SESSION_BUSY, "The session is busy with another message.");
    }
    Inbox.Waiting waiting = inbox.add(UUID.randomUUID().toString(), messageId, message.content(), turns.turn() != null);
    metrics.messagesQueued.incrementAndGet();
    String interrupts = message.whenBusy() != WhenBusy.INTERRUPT ? null : turns.turn() != null ? turns.turn().turnId
        : inbox.firstBefore(waiting);
    journal.write(new JournalEntry.Accepted(waiting.accepted.turnId(), messageId, waiting.accepted.queued(), message.content(), interrupts));
    if (busy) {
      status.queued(inbox.size());
    }
    return sync.insist(this::store)
        .transform(saved -> saved.succeeded() ? accepted(waiting, message) : refused(waiting, saved.cause()));
  }

  /** Whether a message has come that is neither accepted nor refused yet. */
  boolean isAccepting() {
    return !accepting.isEmpty();
  }

  /** Done when every message that came is accepted or refused. */
  Future<Void> settled() {
    return Future.join(List.copyOf(accepting.values())).transform(done -> Future.succeededFuture());
  }

  private Future<Accepted> accepted(Inbox.Waiting waiting, SendMessage message) {
    waiting.stored = true;
    if (message.whenBusy() == WhenBusy.INTERRUPT) {
      if (turns.turn() == null) {
        inbox.interrupt(inbox.firstBefore(waiting));
      }
      turns.interrupt();
    }
    turns.pump();
    return Future.succeededFuture(waiting.accepted);
  }

  private Future<Accepted> refused(Inbox.Waiting waiting, Throwable cause) {
    if (SessionSync.mayWorkLater(cause)) {
      return Future.failedFuture(new ApiException(ErrorCode.STORE_FAILED, "The session was unloaded before the store had answered, so it "
          + "is not known whether the message is stored; send it again with the same messageId.", cause));
    }
    inbox.withdraw(waiting.accepted.messageId());
    metrics.messagesQueued.decrementAndGet();
    journal.write(new JournalEntry.Withdrawn(waiting.accepted.messageId()));
    status.queued(inbox.size());
    Optional<SessionSync.Loss> lost = SessionSync.lost(cause);
    if (lost.isPresent()) {
      sync.sync();
    }
    // Who is asked again when it is gone knows of no such session.
    return Future.failedFuture(lost.filter(SessionSync.Loss.ERASED::equals).isPresent() ? new SessionClosedException() : cause);
  }
}
