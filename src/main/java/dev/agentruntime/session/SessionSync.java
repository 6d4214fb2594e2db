package dev.agentruntime.session;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StaleOwnerException;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the store up to date: the agent's transcripts, the files, the journal, the record, in this order, so that the journal never tells
 * of something that is not there. One at a time; a failed one is repeated, ever more slowly. Until one works, what there is to save stays:
 * transcripts and files in the sandbox, the journal in memory up to a bound, at which the agent has to wait. Belongs to the session's own
 * context.
 */
final class SessionSync implements SessionStore.Watch {

  private static final Logger log = LoggerFactory.getLogger(SessionSync.class);
  private static final long MOST_NOTE_MS = 2_000;

  private final Vertx vertx;
  private final Mailbox mailbox;
  private final Session session;
  private final SessionStore store;
  private final Transcripts transcripts;
  private final Workspace workspace;
  private final Journal journal;
  private final Backlog backlog;
  private final Outage outage;
  private final long patienceMs;
  private final Supplier<Sandbox> sandbox;
  private final Supplier<Recovery> recovery;
  private final Consumer<Loss> onLoss;
  /** What the store has; {@code null} while that is not known: a write that failed may have been done. */
  private SessionRecord storedRecord;
  private SessionRecord issuedRecord;
  private Future<Void> running;
  private Future<Void> lastTranscripts = Future.succeededFuture();
  private boolean again;
  private boolean retryPlanned;
  /** Steps whose answer is not known yet. */
  private final Set<Promise<?>> insisted = new HashSet<>();
  /** What the agent waits for, or {@code null}. */
  private Promise<Void> room;
  private boolean closed;
  private boolean lost;

  /** How a session comes to be no longer this server's. */
  enum Loss { TAKEN_OVER, ERASED }

  /**
   * @param patienceMs a store that takes longer for a write, or to make room, is said to be away, whether or not it has failed
   * @param sandbox gives the sandbox there is, or {@code null}
   * @param recovery gives what the record should say of it, or {@code null}
   * @param onLoss told, once, when the session is no longer this server's
   */
  SessionSync(Vertx vertx, Mailbox mailbox, Session session, SessionStore store, Transcripts transcripts, Workspace workspace,
              Journal journal, Backlog backlog, Outage outage, SessionRecord storedRecord, long patienceMs,
              Supplier<Sandbox> sandbox, Supplier<Recovery> recovery, Consumer<Loss> onLoss) {
    this.vertx = vertx;
    this.mailbox = mailbox;
    this.session = session;
    this.store = store;
    this.transcripts = transcripts;
    this.workspace = workspace;
    this.journal = journal;
    this.backlog = backlog;
    this.outage = outage;
    this.storedRecord = storedRecord;
    this.patienceMs = patienceMs;
    this.sandbox = sandbox;
    this.recovery = recovery;
    this.onLoss = onLoss;
    store.watch(this, patienceMs);
  }

  @Override
  public void silent() {
    if (!closed) {
      outage.silent();
    }
  }

  @Override
  public void answered() {
    outage.answered();
    if (!closed && running == null) {
      sync();
    }
  }

  /** Who would have to wait for a store that does not answer learns so at once, and nothing is changed. */
  void refuseIfSilent() {
    if (outage.isSilent()) {
      throw unanswered();
    }
  }

  /** Fails if the store takes long for it; it may be done all the same. */
  <T> Future<T> inTime(Future<T> write) {
    return write.timeout(patienceMs, TimeUnit.MILLISECONDS)
        .recover(failure -> Future.failedFuture(failure instanceof TimeoutException ? unanswered() : failure));
  }

  private static PersistenceException unanswered() {
    return new PersistenceException(PersistenceException.Kind.UNAVAILABLE, "the store did not answer in time");
  }

  boolean failing() {
    return outage.lasts();
  }

  /** Whether something has happened that the store does not know. */
  boolean hasUnstored() {
    return journal.hasPending();
  }

  boolean hasWork() {
    return sandbox.get() != null || hasUnstored() || workspace.hasUnsaved() || !record().equals(storedRecord);
  }

  /** No retries any more. */
  void close() {
    closed = true;
    backlog.close();
    PersistenceException unloaded = new PersistenceException(PersistenceException.Kind.UNAVAILABLE, "the session is being unloaded");
    List.copyOf(insisted).forEach(promise -> promise.tryFail(unloaded));
    if (room != null) {
      room.fail(unloaded);
      room = null;
    }
  }

  /** What the agent's next line has to wait for: that what it brings can be kept until it is saved. */
  Future<Void> room() {
    if (room != null || !backlog.isFull() || closed) {
      return room == null ? Future.succeededFuture() : room.future();
    }
    Promise<Void> wanted = Promise.promise();
    room = wanted;
    outage.hold();
    sync();
    vertx.setTimer(patienceMs, timer -> mailbox.run(() -> {
      if (room == wanted) {
        outage.tellHold();
      }
    }));
    return wanted.future();
  }

  /** Whether the agent waits for the store. */
  boolean holdsAgent() {
    return room != null;
  }

  private void makeRoom() {
    if (room != null && !backlog.isFull()) {
      Promise<Void> wanted = room;
      room = null;
      outage.release();
      wanted.complete();
    }
  }

  /**
   * Repeats a step until the store has answered it: what failed for its being away may have been done. Fails with a refusal, or as
   * {@link #mayWorkLater} when the session is closed before.
   */
  <T> Future<T> insist(Supplier<Future<T>> step) {
    Promise<T> answered = Promise.promise();
    insisted.add(answered);
    insist(step, 1, answered);
    return answered.future().onComplete(done -> insisted.remove(answered));
  }

  private <T> void insist(Supplier<Future<T>> step, int attempt, Promise<T> answered) {
    step.get().onComplete(done -> {
      if (done.succeeded()) {
        answered.tryComplete(done.result());
        return;
      }
      if (closed || !mayWorkLater(done.cause())) {
        answered.tryFail(done.cause());
        return;
      }
      if (attempt == 1) {
        sync();
      }
      vertx.setTimer(outage.pauseMs(attempt), timer -> mailbox.run(() -> {
        if (!closed) {
          insist(step, attempt + 1, answered);
        }
      }));
    });
  }

  /** Whether a step failed just for the store's being away. */
  static boolean mayWorkLater(Throwable failure) {
    return failure instanceof PersistenceException e && e.kind() == PersistenceException.Kind.UNAVAILABLE;
  }

  /** Saves what is there when it is called, at least. */
  Future<Void> sync() {
    if (running != null) {
      again = true;
      return running.transform(before -> running == null ? start() : running);
    }
    return start();
  }

  /** Stores what the journal has, if the store is there, so that it is known after a kill; what is not stored now is with the next sync. */
  void noteNow() {
    if (!failing() && !closed) {
      store.flushJournal();
    }
  }

  /**
   * As {@link #noteNow}, with the transcripts before, for what is to be stored before it is told. Fails if that takes long; a store that is
   * known to be away is not waited for.
   */
  Future<Void> note() {
    return failing() || closed ? Future.succeededFuture()
        : saveTranscripts().transform(saved -> store.flushJournal()).timeout(MOST_NOTE_MS, TimeUnit.MILLISECONDS);
  }

  private Future<Void> saveTranscripts() {
    Sandbox from = sandbox.get();
    if (from == null) {
      return Future.succeededFuture();
    }
    Future<Void> saved = lastTranscripts.transform(before -> mailbox.call(() -> {
      transcripts.save(from);
      return Future.succeededFuture();
    }));
    lastTranscripts = saved;
    return saved;
  }

  /** Stores the record if it has changed. */
  Future<Void> saveRecord() {
    SessionRecord wanted = record();
    return wanted.equals(storedRecord) ? Future.succeededFuture() : store(wanted);
  }

  /** As {@link #saveRecord}, unless just the time of the last activity has changed, which others may learn a little later. */
  Future<Void> saveFacts() {
    return storedRecord != null && record().equalsButForActivity(storedRecord) ? Future.succeededFuture() : saveRecord();
  }

  /** Makes sure, by a write, that the session is still ours. Fails with the refusal, and lets go of it, if it is not. */
  Future<Void> confirmOwnership() {
    return store(record());
  }

  /** Fails, and lets go of the session, if the store says that it is no longer ours. One that does not answer has not said so. */
  Future<Void> unlessLost() {
    return failing() ? Future.succeededFuture() : inTime(confirmOwnership())
        .recover(failure -> lost(failure).isPresent() ? Future.failedFuture(failure) : Future.succeededFuture());
  }

  /** As {@link #unlessLost}, awaited. */
  boolean isLost() {
    try {
      Future.await(unlessLost());
      return false;
    } catch (Exception e) {
      return true;
    }
  }

  /** Whether the refusal of a record's write says that the session is another server's, or nobody's. */
  static Optional<Loss> lost(Throwable failure) {
    return !(failure instanceof PersistenceException refusal) ? Optional.empty() : switch (refusal.kind()) {
      case STALE_OWNER -> Optional.of(Loss.TAKEN_OVER);
      case NOT_FOUND -> Optional.of(Loss.ERASED);
      default -> Optional.empty();
    };
  }

  private Future<Void> store(SessionRecord record) {
    issuedRecord = record;
    storedRecord = null;
    return store.record(record).onSuccess(v -> storedRecord = issuedRecord == record ? record : null)
        .onFailure(failure -> lost(failure).ifPresent(this::lose));
  }

  private void lose(Loss how) {
    if (!closed && !lost) {
      lost = true;
      onLoss.accept(how);
    }
    closed = true;
  }

  private Future<Void> start() {
    again = false;
    Promise<Void> done = Promise.promise();
    running = done.future();
    mailbox.run(() -> {
      Throwable failure = run();
      running = null;
      settle(failure);
      if (failure == null) {
        done.complete();
      } else {
        // Who waits for it while the session leaves memory may ask anew.
        done.fail(failure instanceof InterruptedException ? new SessionClosedException() : failure);
      }
      if (again && !closed) {
        start();
      }
    });
    return done.future();
  }

  private Throwable run() {
    Throwable failure = null;
    Sandbox from = sandbox.get();
    if (from != null) {
      failure = attempt(() -> Future.await(saveTranscripts()), failure);
      failure = attempt(() -> Future.await(workspace.save()), failure);
    }
    failure = attempt(() -> Future.await(store.flushJournal()), failure);
    return attempt(() -> Future.await(saveRecord()), failure);
  }

  private static Throwable attempt(Runnable step, Throwable before) {
    if (before != null && mayWorkLater(before)) {
      return before;
    }
    try {
      step.run();
      return before;
    } catch (SandboxException e) {
      log.debug("the sandbox did not give what was to be saved", e);
      return before == null && e.kind() != SandboxException.Kind.GONE && e.kind() != SandboxException.Kind.NO_FILE ? e : before;
    } catch (Exception | OutOfMemoryError e) {
      return before == null || e instanceof StaleOwnerException ? e : before;
    }
  }

  private void settle(Throwable failure) {
    if (failure == null) {
      outage.over();
      makeRoom();
    } else if (failure instanceof StaleOwnerException) {
      lose(Loss.TAKEN_OVER);
    } else if (lost(failure).isPresent() && !closed) {
      // What was not found may be the session or a part of it.
      confirmOwnership().onComplete(confirmed -> failed(failure));
    } else {
      failed(failure);
    }
  }

  private void failed(Throwable failure) {
    if (!closed) {
      outage.failed(failure);
      planRetry();
    } else if (!(failure instanceof InterruptedException)) {
      log.warn("saving session {} failed: {}", session.id(), failure.toString());
    }
  }

  private void planRetry() {
    if (!retryPlanned) {
      retryPlanned = true;
      vertx.setTimer(outage.pauseMs(), timer -> mailbox.run(() -> {
        retryPlanned = false;
        if (failing() && running == null && !closed) {
          sync();
        }
      }));
    }
  }

  private SessionRecord record() {
    Recovery now = recovery.get();
    return session.record(now == null ? null : now.json());
  }
}
