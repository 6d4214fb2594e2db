package dev.agentruntime.session;

import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StaleOwnerException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the store up to date: the agent's transcripts, the files, the journal, the record, in this order, so that the journal never tells
 * of something that is not there. One at a time; a failed one is repeated, ever more slowly. Belongs to the session's own context.
 */
final class SessionSync {

  private static final Logger log = LoggerFactory.getLogger(SessionSync.class);
  private static final long FIRST_RETRY_MS = 500;

  private final Vertx vertx;
  private final Mailbox mailbox;
  private final Session session;
  private final SessionStore store;
  private final Transcripts transcripts;
  private final Workspace workspace;
  private final Journal journal;
  private final long maxRetryMs;
  private final Supplier<Sandbox> sandbox;
  private final Supplier<Recovery> recovery;
  private final Runnable ownershipLost;
  private SessionRecord storedRecord;
  private Future<Void> running;
  private boolean again;
  private boolean closed;
  /** How often saving has failed since it last worked; read by other threads. */
  private volatile int failures;

  /**
   * @param sandbox gives the sandbox there is, or {@code null}
   * @param recovery gives what the record should say of it, or {@code null}
   * @param ownershipLost told when another owner has taken the session
   */
  SessionSync(Vertx vertx, Mailbox mailbox, Session session, SessionStore store, Transcripts transcripts, Workspace workspace,
              Journal journal, SessionRecord storedRecord, long maxRetryMs, Supplier<Sandbox> sandbox, Supplier<Recovery> recovery,
              Runnable ownershipLost) {
    this.vertx = vertx;
    this.mailbox = mailbox;
    this.session = session;
    this.store = store;
    this.transcripts = transcripts;
    this.workspace = workspace;
    this.journal = journal;
    this.storedRecord = storedRecord;
    this.maxRetryMs = maxRetryMs;
    this.sandbox = sandbox;
    this.recovery = recovery;
    this.ownershipLost = ownershipLost;
  }

  boolean failing() {
    return failures > 0;
  }

  boolean hasWork() {
    return sandbox.get() != null || journal.hasPending() || workspace.hasUnsaved() || !record().equals(storedRecord);
  }

  /** No retries any more. */
  void close() {
    closed = true;
  }

  /** Saves what is there when it is called, at least. */
  Future<Void> sync() {
    if (running != null) {
      again = true;
      return running.transform(before -> running == null ? start() : running);
    }
    return start();
  }

  /** Stores the record if it has changed. */
  Future<Void> saveRecord() {
    SessionRecord wanted = record();
    return wanted.equals(storedRecord) ? Future.succeededFuture()
        : store.record(wanted).onSuccess(v -> storedRecord = wanted);
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
        done.fail(failure);
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
      failure = attempt(() -> transcripts.save(from), failure);
      failure = attempt(() -> Future.await(workspace.save()), failure);
    }
    failure = attempt(() -> Future.await(store.flushJournal()), failure);
    return attempt(() -> Future.await(saveRecord()), failure);
  }

  private static Throwable attempt(Runnable step, Throwable before) {
    try {
      step.run();
      return before;
    } catch (SandboxException e) {
      log.debug("the sandbox did not give what was to be saved", e);
      return before == null && e.kind() != SandboxException.Kind.GONE && e.kind() != SandboxException.Kind.NO_FILE ? e : before;
    } catch (Exception e) {
      return before == null || e instanceof StaleOwnerException ? e : before;
    }
  }

  private void settle(Throwable failure) {
    if (failure == null) {
      failures = 0;
    } else if (failure instanceof StaleOwnerException) {
      closed = true;
      ownershipLost.run();
    } else {
      failures++;
      log.warn("saving session {} failed ({} times now): {}", session.id(), failures, failure.toString());
      if (closed) {
        return;
      }
      if (failures == 1) {
        session.apply(new SessionEvent.ErrorEvent(ErrorCode.STORE_FAILED, "The session could not be saved; it is tried again."));
      }
      vertx.setTimer(Math.min(maxRetryMs, FIRST_RETRY_MS << Math.min(failures - 1, 10)), timer -> mailbox.run(() -> {
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
