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
  /** How often saving has failed since it last worked. */
  private int failures;
  private boolean silent;
  /** Whether clients know that it is away; read by other threads. */
  private volatile boolean told;
  private boolean holding;
  private boolean holdTold;

  Outage(Session session, Status status, long maxPauseMs) {
    this.session = session;
    this.status = status;
    this.maxPauseMs = maxPauseMs;
  }

  boolean lasts() {
    return told;
  }

  /** Whether it has not answered for long. */
  boolean isSilent() {
    return silent;
  }

  void silent() {
    silent = true;
    log.warn("the store does not answer what session {} saves", session.id());
    begin("The store does not answer, so the session is not saved at the moment; it is saved when the store is back.");
  }

  /** It has answered, be it by a failure. */
  void answered() {
    silent = false;
  }

  void failed(Throwable failure) {
    failures++;
    log.warn("saving session {} failed ({} times now): {}", session.id(), failures, failure.toString());
    begin("The session could not be saved; saving is retried.");
  }

  private void begin(String message) {
    if (!told) {
      told = true;
      tell(message);
    }
    if (holding) {
      tellHold();
    }
  }

  void over() {
    failures = 0;
    told = silent;
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
