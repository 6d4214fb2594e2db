package dev.agentruntime.session;

import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A store that is away, as one session sees it: counted, told to its clients once, and asked again with growing pauses. */
final class Outage {

  static final long FIRST_PAUSE_MS = 500;

  private static final Logger log = LoggerFactory.getLogger(Outage.class);

  private final Session session;
  private final Status status;
  private final long maxPauseMs;
  /** How often saving has failed since it last worked; read by other threads. */
  private volatile int failures;
  private boolean holding;
  private boolean holdTold;

  Outage(Session session, Status status, long maxPauseMs) {
    this.session = session;
    this.status = status;
    this.maxPauseMs = maxPauseMs;
  }

  boolean lasts() {
    return failures > 0;
  }

  void failed(Throwable failure) {
    failures++;
    log.warn("saving session {} failed ({} times now): {}", session.id(), failures, failure.toString());
    if (failures == 1) {
      tell("The session could not be saved; saving is retried.");
    }
    if (holding) {
      tellHold();
    }
  }

  void over() {
    failures = 0;
  }

  /** The agent has to wait for the store. */
  void hold() {
    holding = true;
    if (lasts()) {
      tellHold();
    }
  }

  /** If it still waits. */
  void tellHold() {
    if (holding && !holdTold) {
      holdTold = true;
      log.warn("session {} has as much to save as it may keep; its agent is not read until the store takes it", session.id());
      tell("The store has been away for so long that no more can be kept in memory: what the agent does from now on is shown when the store is "
          + "back. Nothing is lost.");
      status.note("Waiting for the store");
    }
  }

  void release() {
    holding = false;
    if (holdTold) {
      holdTold = false;
      status.note(null);
    }
  }

  private void tell(String message) {
    session.apply(new SessionEvent.ErrorEvent(ErrorCode.STORE_FAILED, message));
  }

  /** Before the next attempt. */
  long pauseMs() {
    return pauseMs(failures);
  }

  /** @param attempts that have failed, 1 or more */
  long pauseMs(int attempts) {
    return pauseMs(attempts, maxPauseMs);
  }

  /**
   * Twice as long each time, and never quite the same, so that the sessions of a server do not all come back to the store at once.
   *
   * @param attempts that have failed, 1 or more
   */
  static long pauseMs(int attempts, long maxPauseMs) {
    long pause = Math.min(maxPauseMs, FIRST_PAUSE_MS << Math.min(attempts - 1, 10));
    return Math.max(1, Math.round(pause * ThreadLocalRandom.current().nextDouble(0.5, 1)));
  }
}
