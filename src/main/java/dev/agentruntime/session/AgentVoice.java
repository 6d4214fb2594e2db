package dev.agentruntime.session;

import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.agent.OutputParser.TurnEnd;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.SessionEvent;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What becomes of the things an agent says: events of the session, and the end of its turn. Belongs to the session's own context. */
final class AgentVoice implements OutputParser.Sink {

  private static final Logger log = LoggerFactory.getLogger(AgentVoice.class);
  private static final int MOST_UNKNOWN_LOGGED = 100;

  private final RuntimeMetrics metrics;
  private final Session session;
  private final TurnRunner turns;
  private final AgentHost host;
  private final SessionSync sync;
  private Future<Void> answered = Future.succeededFuture();
  private long unknownLines;

  AgentVoice(RuntimeMetrics metrics, Session session, TurnRunner turns, AgentHost host, SessionSync sync) {
    this.metrics = metrics;
    this.session = session;
    this.turns = turns;
    this.host = host;
    this.sync = sync;
  }

  @Override
  public void event(SessionEvent event) {
    if (session.full() != null) {
      turns.cutOff(session.full());
      return;
    }
    Turn turn = turns.turn();
    if (turn != null) {
      turns.heard();
      turn.errorShown |= event instanceof SessionEvent.BlockEvent && showsError(event);
      if (event instanceof SessionEvent.BlockDelta && !turn.firstDelta) {
        turn.firstDelta = true;
        metrics.firstDelta.record(System.nanoTime() - turn.acceptedAtNanos, TimeUnit.NANOSECONDS);
      }
    }
    session.apply(event);
    if (event instanceof SessionEvent.BlockStart) {
      sync.noteNow();
    }
  }

  private static boolean showsError(SessionEvent event) {
    return event instanceof SessionEvent.BlockStart start && start.block() instanceof Block.ErrorNote
        || event instanceof SessionEvent.BlockComplete complete && complete.block() instanceof Block.ErrorNote;
  }

  @Override
  public void answer(Buffer lines) {
    if (host.link() != null) {
      answered = host.link().write(lines).otherwiseEmpty();
    }
  }

  /** Done when the agent has taken its last answer: one that asks and does not listen is not heard on. */
  Future<Void> answered() {
    return answered;
  }

  @Override
  public void messageTaken(String messageId) {
    Turn turn = turns.turn();
    if (turn != null && messageId.equals(turn.messageId)) {
      turns.taken();
    }
  }

  @Override
  public void turnBegan() {
    turns.beganByAgent();
  }

  @Override
  public void turnEnded(TurnEnd end) {
    Turn turn = turns.turn();
    if (turn == null || end.unsolicited() && turn.messageId != null
        || end.messageId() != null && !end.messageId().equals(turn.messageId)) {
      log.debug("the agent ended a turn that is not the running one");
      turns.count(end.unsolicited() ? end.used() : null);
      return;
    }
    turn.end.tryComplete(end);
  }

  @Override
  public void hopeless(String why) {
    turns.giveUp(why);
  }

  /** An agent that prints much of that does not fill the log with it. */
  @Override
  public void unknown(String line) {
    unknownLines++;
    if (unknownLines <= MOST_UNKNOWN_LOGGED) {
      log.info("the agent printed what is not of its protocol: {}{}", line,
          unknownLines < MOST_UNKNOWN_LOGGED ? "" : " (more of that is not logged)");
    }
  }
}
