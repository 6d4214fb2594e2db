package dev.agentruntime.session;

import io.vertx.core.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a session leaves memory: unloaded, deleted, left to the next runtime, or let go of since it is no longer this server's. Runs on the
 * session's own context and awaits there.
 */
final class Departure {

  private static final Logger log = LoggerFactory.getLogger(Departure.class);

  private final String sessionId;
  private final long graceMs;
  private final Supplier<Future<Void>> save;
  private final Runnable leave;
  private final SessionStore store;
  private final SessionSync sync;
  private final Workspace workspace;
  private final Intake intake;
  private final TurnRunner turns;
  private final AgentHost host;

  /**
   * @param graceMs how long a step may take that waits for the store
   * @param save saves all there is
   * @param leave told when what runs is left to the next runtime
   */
  Departure(String sessionId, long graceMs, Supplier<Future<Void>> save, Runnable leave, SessionStore store, SessionSync sync,
            Workspace workspace, Intake intake, TurnRunner turns, AgentHost host) {
    this.sessionId = sessionId;
    this.graceMs = graceMs;
    this.save = save;
    this.leave = leave;
    this.store = store;
    this.sync = sync;
    this.workspace = workspace;
    this.intake = intake;
    this.turns = turns;
    this.host = host;
  }

  /** What is not saved when a sandbox ends is lost, so that it does not end while the store is away. */
  Future<Void> saveFirst() {
    return inTime(save.get()).recover(failure -> isAway(failure)
        ? Future.failedFuture(new SessionUnsavedException(failure))
        : Future.succeededFuture()).compose(v -> confirm());
  }

  /** Nothing ends here that another server owns, nor on the word of a store that is away. */
  Future<Void> confirm() {
    return inTime(sync.confirmOwnership()).recover(failure ->
        SessionSync.lost(failure).isPresent() ? Future.failedFuture(new SessionClosedException())
            : isAway(failure) ? Future.failedFuture(new SessionUnsavedException(failure))
            : Future.succeededFuture());
  }

  void delete() {
    endTurns();
    // Another server may have taken the session while its turns were ended here.
    if (sync.isLost()) {
      host.handOver();
      throw new SessionClosedException();
    }
    host.terminate();
    Future.await(store.erase());
  }

  void unload() {
    endTurns();
    finalSync();
    if (sync.isLost()) {
      host.handOver();
      return;
    }
    host.terminate();
    storeRecord();
  }

  void handOver() {
    turns.close();
    boolean ours = finalSync() && isOurs();
    if (ours && (turns.idle() || host.link() == null)) {
      host.terminate();
      storeRecord();
      return;
    }
    log.info("session {} stays in its sandbox, for the next runtime", sessionId);
    if (ours) {
      leave.run();
      storeRecord();
    }
    host.handOver();
  }

  private static boolean isAway(Throwable failure) {
    return SessionSync.mayWorkLater(failure) || failure instanceof TimeoutException;
  }

  private <T> Future<T> inTime(Future<T> work) {
    return work.timeout(graceMs, TimeUnit.MILLISECONDS);
  }

  private void endTurns() {
    try {
      Future.await(inTime(intake.settled()));
    } catch (Exception e) {
      log.warn("messages of session {} are not stored yet; they are left to its next runtime", sessionId);
    }
    turns.endAll();
  }

  /** The last save before a sandbox goes: it may take only so long. @return whether it worked */
  private boolean finalSync() {
    try {
      Future.await(inTime(turns.settled().compose(v -> workspace.reconcile()).transform(v -> sync.sync())));
      return true;
    } catch (Exception e) {
      if (SessionSync.lost(e).isEmpty()) {
        log.error("session {} could not be saved", sessionId, e);
      }
      return false;
    }
  }

  private void storeRecord() {
    try {
      Future.await(inTime(sync.saveRecord().compose(v -> store.flushJournal())));
    } catch (Exception e) {
      log.error("the record of session {} could not be saved", sessionId, e);
    }
  }

  private boolean isOurs() {
    try {
      Future.await(confirm());
      return true;
    } catch (Exception e) {
      return false;
    }
  }
}
