package dev.agentruntime.session;

import dev.agentruntime.agent.OutputParser.TurnEnd;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long an agent is waited for that does not heed an interrupt, does not confirm what it was given, or does not go on with a turn that it
 * began by itself. While it is held, since the store is away, it may have said long ago what is waited for. Belongs to the session's own
 * context.
 */
final class TurnPatience {

  private static final Logger log = LoggerFactory.getLogger(TurnPatience.class);

  private final Services services;
  private final Mailbox mailbox;
  private final Session session;
  private final SessionSync sync;

  TurnPatience(Services services, Mailbox mailbox, Session session, SessionSync sync) {
    this.services = services;
    this.mailbox = mailbox;
    this.session = session;
    this.sync = sync;
  }

  /** An agent that was told to stop is killed if it does not. */
  void untilStopped(AgentLink link, Turn turn) {
    later(services.settings().sandbox().interruptTimeoutMs(), turn, () -> {
      if (sync.holdsAgent()) {
        untilStopped(link, turn);
      } else {
        log.warn("the agent did not stop; it is killed");
        kill(link, turn);
      }
    });
  }

  /** Until that works. */
  void kill(AgentLink link, Turn turn) {
    link.kill().onFailure(e -> untilStopped(link, turn));
  }

  /**
   * An agent that may not go on is killed. It is tried until that works, and then its turn ends.
   *
   * @param turn {@code null} if none runs
   * @param why a sentence for users
   */
  void untilKilled(AgentLink link, Turn turn, String why) {
    link.kill().onSuccess(killed -> mailbox.run(() -> {
      if (turn != null) {
        turn.end.tryComplete(TurnEnd.error(why));
      }
    })).onFailure(failure -> services.vertx().setTimer(services.settings().sandbox().interruptTimeoutMs(),
        timer -> mailbox.run(() -> untilKilled(link, turn, why))));
  }

  /**
   * Only while the agent can be heard is its silence its own.
   *
   * @param unconfirmed what to do if nothing is heard of the turn
   */
  void untilConfirmed(AgentLink link, Turn turn, Runnable unconfirmed) {
    later(services.settings().sandbox().reattachTimeoutMs(), turn, () -> {
      if (!turn.heard && !turn.taken) {
        link.answers().onComplete(asked -> mailbox.run(() -> {
          if (asked.failed() || sync.holdsAgent()) {
            untilConfirmed(link, turn, unconfirmed);
          } else if (!turn.heard && !turn.taken && !turn.end.future().isComplete()) {
            unconfirmed.run();
          }
        }));
      }
    });
  }

  /**
   * Nobody waits for the end of a turn of the agent's own who would stop it: it may be silent for as long as a session may be idle, or while
   * a tool of its is at work.
   *
   * @param silent told why it makes no sense to wait any longer
   */
  void whileHeard(Turn own, Consumer<String> silent) {
    own.silent = true;
    later(services.settings().idleTimeoutMs(), own, () -> {
      if (own.silent && !session.isCalling() && !sync.holdsAgent()) {
        silent.accept("The agent started this turn by itself and then fell silent.");
      } else {
        whileHeard(own, silent);
      }
    });
  }

  /** Unless the turn has ended by then. */
  private void later(long ms, Turn turn, Runnable work) {
    services.vertx().setTimer(ms, timer -> mailbox.run(() -> {
      if (!turn.end.future().isComplete()) {
        work.run();
      }
    }));
  }
}
