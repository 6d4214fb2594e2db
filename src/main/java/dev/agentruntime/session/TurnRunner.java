package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.OutputParser.TurnEnd;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.UsageMetadata;
import dev.agentruntime.protocol.WellFormed;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the turns of a session, one at a time, in the order in which their messages were accepted, and ends each exactly once. Runs on the
 * session's own context and awaits there; what may change while it awaits is guarded by {@link #turn}, which is set before.
 */
final class TurnRunner {

  private static final Logger log = LoggerFactory.getLogger(TurnRunner.class);
  private static final long RECONCILE_TIMEOUT_MS = 10_000;
  /** How many agents that end before they are given a message it takes to give up. */
  private static final int MAX_STARTS = 2;

  private final Services services;
  private final Mailbox mailbox;
  private final Session session;
  private final AgentArchitecture architecture;
  private final Journal journal;
  private final SessionStore store;
  private final SessionSync sync;
  private final Workspace workspace;
  private final Inbox inbox;
  private final Status status;
  private final AgentHost host;
  private final Patience patience;
  private Turn turn;
  private boolean pumping;
  private boolean closed;

  TurnRunner(Services services, Mailbox mailbox, Session session, AgentArchitecture architecture, Journal journal,
             SessionStore store, SessionSync sync, Workspace workspace, Inbox inbox, Status status, AgentHost host) {
    this.services = services;
    this.mailbox = mailbox;
    this.session = session;
    this.architecture = architecture;
    this.journal = journal;
    this.store = store;
    this.sync = sync;
    this.workspace = workspace;
    this.inbox = inbox;
    this.status = status;
    this.host = host;
    this.patience = new Patience(services, mailbox, session, sync);
  }

  boolean idle() {
    return turn == null && inbox.isEmpty() && !pumping;
  }

  /** Whether anything is left that a later runtime must know of. */
  boolean hasAccepted() {
    return turn != null || !inbox.isEmpty();
  }

  /** Stops the running turn, if there is one. */
  void interrupt() {
    if (turn == null || turn.interrupted || turn.end.future().isComplete()) {
      return;
    }
    turn.interrupted = true;
    journal.write(new JournalEntry.Interrupted(turn.turnId));
    sync.noteNow();
    carryOutInterrupt();
  }

  private void carryOutInterrupt() {
    AgentLink link = host.link();
    if (link == null || !turn.delivered) {
      turn.end.tryComplete(interrupted(turn));
    } else {
      stop(link, turn);
    }
  }

  /** The agent says that it has the running turn's message. */
  void taken() {
    turn.taken = stopAgainUnless(turn.taken);
  }

  /** The agent says something of the running turn. */
  void heard() {
    turn.heard = stopAgainUnless(turn.heard);
    turn.silent = false;
  }

  /** An interrupt that came to the agent before it had begun did nothing. */
  private boolean stopAgainUnless(boolean known) {
    if (!known && turn.interrupted && host.link() != null && !turn.end.future().isComplete()) {
      host.link().write(architecture.interrupt());
    }
    return true;
  }

  private void stop(AgentLink link, Turn stopped) {
    link.write(architecture.interrupt());
    patience.untilStopped(link, stopped);
  }

  /** Takes up the turn that was running when an earlier runtime ended. */
  void resume(Turn open, boolean found, boolean delivered) {
    turn = open;
    turn.delivered = delivered;
    services.metrics().turnsRunning.incrementAndGet();
    if (turn.interrupted && (found || !delivered)) {
      carryOutInterrupt();
    }
    if (!delivered) {
      finishInBackground(this::deliver);
    } else if (!found) {
      turn.endUnlessLost(sync, TurnEnd.agentLost("The server was stopped during this turn, and the agent is gone."));
      finishInBackground(running -> { });
    } else {
      if (turn.messageId == null) {
        patience.whileHeard(open, this::giveUp);
      } else {
        patience.untilConfirmed(host.link(), open, () -> unconfirmed(open));
      }
      finishInBackground(running -> { });
    }
  }

  private void unconfirmed(Turn open) {
    open.hopeless = "The server was stopped before the agent confirmed this message. The message was not sent to it again.";
    if (host.link() == null) {
      open.end.tryComplete(TurnEnd.error(open.hopeless));
    } else {
      patience.kill(host.link(), open);
    }
  }

  private void finishInBackground(Consumer<Turn> work) {
    Turn resumed = turn;
    pumping = true;
    mailbox.run(() -> {
      try {
        complete(resumed, work);
      } finally {
        pumping = false;
      }
      pump();
    });
  }

  /** Starts the next turn if none runs. */
  void pump() {
    if (pumping || closed || turn != null) {
      return;
    }
    pumping = true;
    mailbox.run(() -> {
      try {
        for (Inbox.Waiting next = next(); next != null; next = next()) {
          services.metrics().messagesQueued.decrementAndGet();
          turn = new Turn(next.accepted.turnId(), next.accepted.messageId(), next.content, services.clock().millis(), next.acceptedAtNanos);
          begin(turn);
          if (next.interrupted) {
            interrupt();
          }
          complete(turn, this::deliver);
        }
      } finally {
        pumping = false;
      }
    });
  }

  private Inbox.Waiting next() {
    return closed || turn != null ? null : inbox.next();
  }

  private void begin(Turn begun) {
    services.metrics().turnsRunning.incrementAndGet();
    session.apply(new SessionEvent.TurnStarted(begun.turnId, begun.messageId));
    if (begun.messageId != null) {
      Block.UserMessage said = new Block.UserMessage(begun.messageId, status.now(), begun.content);
      session.apply(new SessionEvent.BlockStart(SessionEvent.MAIN, said));
      session.apply(new SessionEvent.BlockComplete(SessionEvent.MAIN, said.id(), said));
    }
    status.turnAndQueued(new RuntimeState.Turn(begun.turnId, begun.messageId, begun.startedAt), inbox.size());
  }

  /** Does the turn's work and ends it, whatever happens. */
  private void complete(Turn running, Consumer<Turn> work) {
    TurnEnd end;
    try {
      work.accept(running);
      end = Future.await(running.end.future());
    } catch (Exception | OutOfMemoryError e) {
      end = TurnEnd.error(ErrorTranslation.toApi(e).getMessage());
    }
    // Whoever comes too late to end the turn by an end of its own must see that it has ended.
    running.end.tryComplete(end);
    if (!closed && !running.finishing) {
      finish(running, end);
    }
  }

  private void deliver(Turn running) {
    if (running.end.future().isComplete()) {
      return;
    }
    AgentLink link = null;
    ObjectNode options = null;
    Buffer lines = null;
    for (int starts = 0; lines == null || host.link() != link; ) {
      if (link != null && host.link() != link && ++starts == MAX_STARTS) {
        endWith(running, link);
        return;
      }
      Future<AgentLink> ready = host.ready();
      if (endsBefore(running, ready)) {
        return;
      }
      link = ready.result();
      options = session.options();
      lines = host.optionLines(options);
      if (lines != null) {
        journal.write(new JournalEntry.Delivered(running.turnId, link.processId(), link.consumed()));
        // Stored before it: other servers leave a turn alone whose message its agent may have.
        sync.saveRecord();
        if (endsBefore(running, sync.insist(store::flushJournal))) {
          return;
        }
      }
    }
    running.delivered = true;
    host.optionsTold(options);
    link.write(lines.copy().appendBuffer(architecture.message(host.profile(), running.messageId, running.content)))
        .onFailure(e -> mailbox.run(() -> running.fail(sync, e)));
  }

  /** Awaits a step of the delivery. @return whether the turn has ended meanwhile, or by the step's failure */
  private boolean endsBefore(Turn running, Future<?> step) {
    step.onFailure(e -> running.fail(sync, e));
    Future.await(Future.any(step, running.end.future()));
    return running.end.future().isComplete() || closed;
  }

  private void finish(Turn running, TurnEnd end) {
    running.finishing = true;
    try {
      Future.await(workspace.reconcile().timeout(RECONCILE_TIMEOUT_MS, TimeUnit.MILLISECONDS));
    } catch (Exception e) {
      log.warn("the workspace could not be examined at the turn's end: {}", e.toString());
    }
    TurnOutcome outcome = running.hopeless != null ? TurnOutcome.ERROR : running.interrupted ? TurnOutcome.INTERRUPTED : end.outcome();
    String error = outcome != TurnOutcome.ERROR ? null : WellFormed.text(running.hopeless != null ? running.hopeless : end.error());
    if (host.link() == null) {
      session.agentEnded();
    } else {
      session.closeOpenBlocks();
    }
    if (error != null && !running.errorShown) {
      Block.ErrorNote note = new Block.ErrorNote("error:" + running.turnId, status.now(), error, null);
      session.apply(new SessionEvent.BlockComplete(SessionEvent.MAIN, note.id(), note));
    }
    count(end.used());
    long duration = Math.max(0, services.clock().millis() - running.startedAt);
    services.metrics().turnsRunning.decrementAndGet();
    services.metrics().turns.record(duration, TimeUnit.MILLISECONDS);
    session.apply(new SessionEvent.TurnCompleted(running.turnId, running.messageId, outcome, duration, error));
    turn = null;
    status.turnAndQueued(null, inbox.size());
    AgentLink link = host.link();
    if (link != null) {
      journal.write(new JournalEntry.Consumed(link.processId(), link.consumed()));
    }
    running.over.complete();
    sync.sync();
  }

  /** Adds to the totals. @param used {@code null} for nothing */
  void count(UsageMetadata used) {
    if (used != null) {
      UsageMetadata before = session.usage();
      session.apply(new SessionEvent.MetadataUpdate(SessionEvent.MAIN, before == null ? used : before.plus(used)));
    }
  }

  /** Ends the turns that are left, without running them, because the session is unloaded. */
  void endAll() {
    closed = true;
    if (turn != null && turn.finishing) {
      Future.await(turn.over.future());
    } else if (turn != null) {
      Turn running = turn;
      TurnEnd cutOff = interrupted(running);
      interrupt();
      TurnEnd end = Future.await(running.end.future()
          .timeout(services.settings().sandbox().interruptTimeoutMs(), TimeUnit.MILLISECONDS).otherwise(cutOff));
      running.end.tryComplete(end);
      finish(running, end);
    }
    for (Inbox.Waiting left = inbox.next(); left != null; left = inbox.next()) {
      services.metrics().messagesQueued.decrementAndGet();
      turn = new Turn(left.accepted.turnId(), left.accepted.messageId(), left.content, services.clock().millis(), left.acceptedAtNanos);
      begin(turn);
      finish(turn, interrupted(turn));
    }
    session.agentEnded();
  }

  /** Starts nothing any more and leaves what runs. */
  void close() {
    if (closed) {
      return;
    }
    closed = true;
    services.metrics().messagesQueued.addAndGet(-inbox.size());
    if (turn != null && !turn.finishing) {
      services.metrics().turnsRunning.decrementAndGet();
      turn.end.tryComplete(interrupted(turn));
      turn.over.complete();
    }
  }

  private static TurnEnd interrupted(Turn turn) {
    return new TurnEnd(turn.messageId, false, TurnOutcome.INTERRUPTED, null, null);
  }

  /** Done when no turn is between its end and the next one's beginning: what the agent says then belongs to the next. */
  Future<Void> settled() {
    return turn != null && turn.end.future().isComplete() ? turn.over.future() : Future.succeededFuture();
  }

  /** A process has ended and all it said was understood. */
  void processEnded(AgentLink link) {
    link.kill();
    if (turn != null && turn.delivered && !closed) {
      endWith(turn, link);
    }
  }

  /** The turn ends since the agent has. */
  private void endWith(Turn running, AgentLink link) {
    link.howItEnded().onSuccess(message -> mailbox.run(() ->
        running.endUnlessLost(sync, running.delivered ? TurnEnd.agentLost(message) : TurnEnd.error(message))));
  }

  /** The agent has begun a turn that nobody asked for. */
  void beganByAgent() {
    AgentLink link = host.link();
    if (turn != null || closed || link == null) {
      return;
    }
    turn = new Turn(UUID.randomUUID().toString(), null, null, services.clock().millis(), System.nanoTime());
    turn.delivered = true;
    begin(turn);
    journal.write(new JournalEntry.Delivered(turn.turnId, link.processId(), link.consumed()));
    sync.saveRecord();
    patience.whileHeard(turn, this::giveUp);
    finishInBackground(running -> { });
  }

  /** It makes no sense to wait for the agent any longer. */
  void giveUp(String why) {
    AgentLink link = host.link();
    if (turn != null && turn.hopeless == null && link != null) {
      turn.hopeless = why;
      stop(link, turn);
    }
  }

  /** The agent may not go on: nothing more of what it has said is read, and the turn that runs ends. */
  void cutOff(String why) {
    AgentLink link = host.link();
    if (link != null) {
      log.warn("the agent is stopped: {}", why);
      host.forgetAgent();
      if (turn != null) {
        turn.hopeless = why;
      }
      patience.untilKilled(link, turn, why);
    }
  }

  /** @return the turn that runs, or {@code null} */
  Turn turn() {
    return turn;
  }
}
