package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.OutputParser.TurnEnd;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.function.BooleanSupplier;

/**
 * How the message of a turn comes to an agent: once at most, whatever becomes of the server. That it is given is noted down before, so that the
 * next server knows that the agent may have it. Belongs to the session's own context.
 */
final class Delivery {

  /** How many agents that end before they are given a message it takes to give up. */
  private static final int MAX_STARTS = 2;

  private final Mailbox mailbox;
  private final Session session;
  private final AgentArchitecture architecture;
  private final Journal journal;
  private final SessionStore store;
  private final SessionSync sync;
  private final AgentHost host;
  private final TurnPatience patience;
  private final BooleanSupplier closed;

  /** @param closed whether nothing is begun any more */
  Delivery(Mailbox mailbox, Session session, AgentArchitecture architecture, Journal journal, SessionStore store, SessionSync sync,
           AgentHost host, TurnPatience patience, BooleanSupplier closed) {
    this.mailbox = mailbox;
    this.session = session;
    this.architecture = architecture;
    this.journal = journal;
    this.store = store;
    this.sync = sync;
    this.host = host;
    this.patience = patience;
    this.closed = closed;
  }

  /** Starts an agent if need be, and gives it the turn's message. Awaits. */
  void give(Turn running) {
    if (running.interrupted || running.end.future().isComplete()) {
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
      if (endsBefore(running, ready) || running.interrupted) {
        return;
      }
      link = ready.result();
      options = session.options();
      lines = host.optionLines(options);
      if (lines != null) {
        journal.write(new JournalEntry.Delivered(running.turnId, link.processId(), link.consumed()));
        // Stored before it: other servers leave a turn alone whose message its agent may have.
        sync.saveFacts();
        if (endsBefore(running, sync.insist(store::flushJournal)) || running.interrupted) {
          return;
        }
      }
    }
    running.delivered = true;
    host.optionsTold(options);
    link.write(lines.copy().appendBuffer(architecture.message(host.profile(), running.messageId, running.content)), running.turnId)
        .onFailure(e -> mailbox.run(() -> running.fail(sync, e)));
    sync.saveRecord();
  }

  /** For a message that the server before has noted down as given, and may have been stopped, or have lost the session, before it was. Awaits. */
  void makeSure(Turn running) {
    AgentLink link = host.link();
    if (link == null || running.end.future().isComplete()) {
      return;
    }
    Future<Boolean> given = link.mayHave(running.turnId).otherwise(true);
    if (endsBefore(running, given)) {
      return;
    }
    if (given.result()) {
      patience.untilConfirmed(link, running, () -> unconfirmed(running));
    } else if (running.interrupted) {
      running.endUnlessLost(sync, running.stopped());
    } else {
      running.delivered = false;
      give(running);
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

  /** Awaits a step of the delivery. @return whether the turn has ended meanwhile, or by the step's failure */
  private boolean endsBefore(Turn running, Future<?> step) {
    step.onFailure(e -> running.fail(sync, e));
    Future.await(Future.any(step, running.end.future()));
    return running.end.future().isComplete() || closed.getAsBoolean();
  }

  /** The turn ends since the agent has. */
  void endWith(Turn running, AgentLink link) {
    link.howItEnded().onSuccess(message -> mailbox.run(() ->
        running.endUnlessLost(sync, running.delivered ? TurnEnd.agentLost(message) : TurnEnd.error(message))));
  }
}
