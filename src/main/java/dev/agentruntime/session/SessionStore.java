package dev.agentruntime.session;

import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionRecord;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * One session's hold on the store: writes one after another, as their owner, measured. A write whose answer was lost may still be done, and
 * then must not undo newer ones: before the next one the owner gives itself a new epoch. Belongs to the session's own context.
 */
final class SessionStore {

  private static final int JOURNAL_WRITE_BYTES = 4 << 20;

  /** Told of a store that does not answer a write for long. */
  interface Watch {

    /** It has not, until now. */
    void silent();

    /** It has after all, be it by a failure. */
    void answered();
  }

  private final Vertx vertx;
  private final Mailbox mailbox;
  private final PersistenceAdapter adapter;
  private final RuntimeMetrics metrics;
  private final String sessionId;
  private final String firstEpoch;
  private final Journal journal;
  private String epoch;
  private int renewals;
  /** Whether a write may still be on its way. */
  private boolean unsettled;
  private long journalLength;
  private Future<?> last = Future.succeededFuture();
  private Future<Void> flush;
  private boolean flushBegun;
  private Watch watch;
  private long patienceMs;

  /** @param journalLength bytes of the journal that are stored */
  SessionStore(Vertx vertx, Mailbox mailbox, PersistenceAdapter adapter, RuntimeMetrics metrics, String sessionId, String epoch, Journal journal,
               long journalLength) {
    this.vertx = vertx;
    this.mailbox = mailbox;
    this.adapter = adapter;
    this.metrics = metrics;
    this.sessionId = sessionId;
    this.firstEpoch = epoch;
    this.epoch = epoch;
    this.journal = journal;
    this.journalLength = journalLength;
  }

  /** Before the first write. @param patienceMs how long one may take before it takes long */
  void watch(Watch watcher, long patienceMs) {
    this.watch = watcher;
    this.patienceMs = patienceMs;
  }

  /** Stores every line that the journal has by the time of the write, in order. One that waits for its turn does for all that ask meanwhile. */
  Future<Void> flushJournal() {
    if (flush == null || flushBegun) {
      flushBegun = false;
      flush = inOrder(() -> {
        flushBegun = true;
        return flushJournal(journalLength + journal.pendingBytes());
      });
    }
    return flush;
  }

  /** In pieces, so that what has gathered while the store was away is not sent at once. */
  private Future<Void> flushJournal(long end) {
    if (journalLength >= end) {
      return Future.succeededFuture();
    }
    Buffer lines = journal.pending(JOURNAL_WRITE_BYTES);
    return written(() -> adapter.saveTranscript(sessionId, epoch, Journal.TRANSCRIPT, journalLength, lines)).compose(done -> {
      journal.stored(lines.length());
      journalLength += lines.length();
      return flushJournal(end);
    });
  }

  Future<Void> record(SessionRecord record) {
    return inOrder(() -> written(() -> adapter.updateSessionRecord(record, epoch)));
  }

  Future<Void> appendTranscript(String name, long offset, Buffer bytes) {
    return inOrder(() -> written(() -> adapter.saveTranscript(sessionId, epoch, name, offset, bytes)));
  }

  Future<Void> replaceTranscript(String name, Buffer bytes) {
    return inOrder(() -> written(() -> adapter.replaceTranscript(sessionId, epoch, name, bytes)));
  }

  Future<Void> file(String path, long modifiedAt, Buffer content) {
    return inOrder(() -> written(() -> adapter.saveWorkspaceFile(sessionId, epoch, path, modifiedAt, content)));
  }

  Future<Void> deleteFile(String path) {
    return inOrder(() -> written(() -> adapter.deleteSessionFile(sessionId, epoch, path)));
  }

  Future<Void> erase() {
    return inOrder(() -> written(() -> adapter.deleteSession(sessionId, epoch)));
  }

  Future<Buffer> readTranscript(String name, long offset, int length) {
    return measured(() -> adapter.readTranscript(sessionId, name, offset, length));
  }

  Future<Buffer> readFile(String path, long offset, int length) {
    return measured(() -> adapter.readWorkspaceFile(sessionId, path, offset, length));
  }

  private <T> Future<T> inOrder(Supplier<Future<T>> write) {
    Future<T> next = last.transform(before -> write.get());
    last = next;
    return next;
  }

  private <T> Future<T> written(Supplier<Future<T>> write) {
    return settled().compose(settled -> watched(write).onFailure(failure ->
        unsettled = !(failure instanceof PersistenceException refused) || refused.kind() == Kind.UNAVAILABLE));
  }

  private Future<Void> settled() {
    if (!unsettled) {
      return Future.succeededFuture();
    }
    String next = firstEpoch + "." + (renewals + 1);
    return watched(() -> adapter.renewEpoch(sessionId, epoch, next)).onSuccess(renewed -> {
      epoch = next;
      renewals++;
      unsettled = false;
    }).recover(failure -> failure instanceof PersistenceException refused && refused.kind() == Kind.NOT_FOUND
        ? Future.succeededFuture() // It has been erased, and the next write will say so.
        : Future.failedFuture(failure));
  }

  private <T> Future<T> watched(Supplier<Future<T>> write) {
    Future<T> answer = measured(write);
    long timer = vertx.setTimer(patienceMs, late -> mailbox.run(() -> {
      if (!answer.isComplete()) {
        watch.silent();
      }
    }));
    return answer.onComplete(done -> {
      if (!vertx.cancelTimer(timer)) {
        watch.answered();
      }
    });
  }

  /** An adapter answers on any thread; what follows belongs on the session's. */
  private <T> Future<T> measured(Supplier<Future<T>> call) {
    Promise<T> answer = Promise.promise();
    measured(metrics, call).onComplete(result -> mailbox.run(() -> answer.handle(result)));
    return answer.future();
  }

  /** Calls the store and notes how long that took and whether it worked. */
  static <T> Future<T> measured(RuntimeMetrics metrics, Supplier<Future<T>> call) {
    long start = System.nanoTime();
    return call.get().onComplete(result -> {
      metrics.persistence.record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
      if (result.failed()) {
        metrics.persistenceFailures.increment();
      }
    });
  }
}
