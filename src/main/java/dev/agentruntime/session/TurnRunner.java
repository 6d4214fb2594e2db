package dev.agentruntime.session;

import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.OutputParser.TurnEnd;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.UsageMetadata;
import dev.agentruntime.protocol.WellFormed;
import io.vertx.core.Future;
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

  private final Services services;
  private final Mailbox mailbox;
  private final Session session;
  private final AgentArchitecture architecture;
  private final Journal journal;
  private final SessionSync sync;
  private final Workspace workspace;
  private final Inbox inbox;
  private final Status status;
  private final AgentHost host;
  private final TurnPatience patience;
  private final Delivery delivery;
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
    this.sync = sync;
    this.workspace = workspace;
    this.inbox = inbox;
    this.status = status;
    this.host = host;
    this.patience = new TurnPatience(services, mailbox, session, sync);
    this.delivery = new Delivery(mailbox, session, architecture, journal, store, sync, host, patience, () -> closed);
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
      turn.endUnlessLost(sync, turn.stopped());
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
      finishInBackground(delivery::give);
    } else if (!found) {
      turn.endUnlessLost(sync, TurnEnd.agentLost("The server was stopped during this turn, and the agent is gone."));
      finishInBackground(running -> { });
    } else {
      if (turn.messageId == null) {
        patience.whileHeard(open, this::giveUp);
      }
      finishInBackground(turn.messageId == null ? running -> { } : delivery::makeSure);
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
          complete(turn, delivery::give);
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
    tell(new SessionEvent.TurnCompleted(running.turnId, running.messageId, outcome, duration, error));
    running.over.complete();
    sync.sync();
  }

  /**
   * An end that was told and is not stored would come again after a kill. A store that is away is not waited for, and of a session that
   * another server has taken nothing more is told.
   */
  private void tell(SessionEvent.TurnCompleted end) {
    journal.happened(end);
    AgentLink link = host.link();
    if (link != null) {
      journal.write(new JournalEntry.Consumed(link.processId(), link.consumed()));
    }
    boolean lost = false;
    try {
      Future.await(sync.note());
    } catch (Exception e) {
      lost = SessionSync.lost(e).isPresent() && sync.isLost();
    }
    if (!lost) {
      session.applyNoted(end);
    }
    turn = null;
    status.turnAndQueued(null, inbox.size());
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
      TurnEnd cutOff = running.stopped();
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
      finish(turn, turn.stopped());
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
      turn.end.tryComplete(turn.stopped());
      turn.over.complete();
    }
  }

  /** Done when no turn is between its end and the next one's beginning: what the agent says then belongs to the next. */
  Future<Void> settled() {
    return turn != null && turn.end.future().isComplete() ? turn.over.future() : Future.succeededFuture();
  }

  /** A process has ended and all it said was understood. */
  void processEnded(AgentLink link) {
    link.kill();
    if (turn != null && turn.delivered && !closed) {
      delivery.endWith(turn, link);
    }
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
