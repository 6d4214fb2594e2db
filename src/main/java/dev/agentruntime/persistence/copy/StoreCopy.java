package dev.agentruntime.persistence.copy;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.SessionPage;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.copy.CopyException.Reason;
import io.vertx.core.Future;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * Copies all sessions and profiles from one store to another. Whatever interrupts it, it is run again and goes on: what is there already is
 * compared and not written again, transcripts from where they end.
 *
 * <p>Each session is compared with its copy, by what there is of it and by SHA-256 of every byte, and copied anew if they differ. At the end
 * the lists of both are compared. Then every session of the source is taken from whoever owned it, so that a server that still has it in
 * memory writes no more to it unnoticed; the source keeps everything, and can be used again.
 *
 * <p>No server must run on either store. If one is noticed, the copy fails and says so: in the source by what changes, in the target by its
 * ownership of a session. Memory is bounded by a few pieces of transcripts, and one large workspace file. Blocks; not for an event loop.
 */
public final class StoreCopy {

  /** The owner of what is copied, until a server loads it. The same each time, so that a copy can go on with an earlier one's. */
  static final String EPOCH = "copy-store";

  private static final int PAGE = 500;
  private static final int AT_ONCE = 8;
  private static final int PROGRESS_EVERY = 100;

  /**
   * @param sessions in the source, all of which are in the target
   * @param transcripts of all sessions
   * @param files of all sessions
   * @param bytes of transcripts and files
   * @param others sessions that are in the target alone
   */
  public record Totals(int profiles, long sessions, long transcripts, long files, long bytes, long others) {

    private Totals plus(StoredSession session) {
      long more = session.transcripts().stream().mapToLong(StoredSession.Transcript::length).sum()
          + session.files().stream().mapToLong(StoredSession.StoredFile::size).sum();
      return new Totals(profiles, sessions + 1, transcripts + session.transcripts().size(), files + session.files().size(), bytes + more,
          others);
    }
  }

  private final PatientStore from;
  private final PatientStore to;
  private final Consumer<String> progress;
  private final SessionCopy sessions;
  /** By id, the {@linkplain SessionDigest#of(StoredSession) digest} of what was copied. */
  private final Map<String, byte[]> copied = new ConcurrentHashMap<>();
  private Totals totals = new Totals(0, 0, 0, 0, 0, 0);

  /**
   * @param from started
   * @param to started
   * @param progress told a line now and then, by any thread
   */
  public StoreCopy(PersistenceAdapter from, PersistenceAdapter to, Consumer<String> progress) {
    this.from = new PatientStore(from);
    this.to = new PatientStore(to);
    this.progress = progress;
    this.sessions = new SessionCopy(this.from, this.to);
  }

  /**
   * Copies, compares, and takes the source from its owners.
   *
   * @throws CopyException if it could not be done as it should
   * @throws PersistenceException if a store is away or broken; the copy can be gone on with
   */
  public Totals run() {
    warnOfAgents();
    copyProfiles();
    each(from, PersistenceAdapter::listAllSessions, this::copy);
    requireUnchanged();
    countInTarget();
    each(from, PersistenceAdapter::listAllSessions, this::takeFromOwner);
    return totals;
  }

  private void warnOfAgents() {
    AtomicLong agents = new AtomicLong();
    each(from, PersistenceAdapter::listRecoverableSessions, record -> agents.incrementAndGet());
    if (agents.get() > 0) {
      progress.accept(agents + " sessions have an agent that may still be running. That is fine if their server was stopped: "
          + "the next server on the target picks them up.");
    }
  }

  private void copyProfiles() {
    for (StoredProfile profile : from.ask(PersistenceAdapter::listAgentProfiles)) {
      Optional<StoredProfile> there = to.ask(store -> store.loadAgentProfile(profile.id()));
      if (there.isPresent() && !there.get().equals(profile)) {
        throw new CopyException(Reason.TARGET_IN_USE, "The agent profile " + profile.id() + " is in the target in another version.");
      }
      if (there.isEmpty()) {
        to.ask(store -> store.saveAgentProfile(profile, null));
      }
      totals = new Totals(totals.profiles + 1, 0, 0, 0, 0, 0);
    }
    progress.accept(totals.profiles + " agent profiles");
  }

  private void copy(SessionRecord listed) {
    try {
      sessions.copy(listed.sessionId()).ifPresent(session -> {
        copied.put(listed.sessionId(), SessionDigest.of(session));
        add(session);
      });
    } catch (PersistenceException e) {
      throw new PersistenceException(e.kind(), "session " + listed.sessionId() + ": " + e.getMessage(), e);
    }
  }

  private synchronized void add(StoredSession session) {
    totals = totals.plus(session);
    if (totals.sessions % PROGRESS_EVERY == 0) {
      progress.accept(totals.sessions + " sessions, " + totals.bytes + " bytes");
    }
  }

  /** Before anything is taken from a server that runs. */
  private void requireUnchanged() {
    AtomicLong seen = new AtomicLong();
    each(from, PersistenceAdapter::listAllSessions, record -> {
      requireCopied(record.sessionId(), from.ask(store -> store.inspectSession(record.sessionId())));
      seen.incrementAndGet();
    });
    if (seen.get() != copied.size()) {
      throw new CopyException(Reason.SOURCE_IN_USE, "Sessions were deleted from the source while it was copied.");
    }
  }

  private void takeFromOwner(SessionRecord listed) {
    requireCopied(listed.sessionId(), from.ask(store -> store.loadSession(listed.sessionId(), EPOCH)));
  }

  private void requireCopied(String id, Optional<StoredSession> now) {
    if (now.isEmpty() || !Arrays.equals(copied.get(id), SessionDigest.of(now.get()))) {
      throw new CopyException(Reason.SOURCE_IN_USE, "Session " + id + " was changed in the source while the rest was copied.");
    }
  }

  private void countInTarget() {
    AtomicLong all = new AtomicLong();
    AtomicLong found = new AtomicLong();
    each(to, PersistenceAdapter::listAllSessions, record -> {
      all.incrementAndGet();
      if (copied.containsKey(record.sessionId())) {
        found.incrementAndGet();
      }
    });
    if (found.get() != copied.size()) {
      throw new CopyException(Reason.DIFFERENT, "The target lists " + found + " of the " + copied.size() + " sessions that were copied.");
    }
    totals = new Totals(totals.profiles, totals.sessions, totals.transcripts, totals.files, totals.bytes, all.get() - found.get());
  }

  /** Several at once; fails as the first of them that fails. */
  private static void each(PatientStore store, PagedList list, Consumer<SessionRecord> work) {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Semaphore lanes = new Semaphore(AT_ONCE);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      String after = null;
      do {
        String place = after;
        SessionPage page = store.ask(s -> list.page(s, PAGE, place));
        for (SessionRecord record : page.sessions()) {
          lanes.acquireUninterruptibly();
          threads.execute(() -> {
            try {
              if (failure.get() == null) {
                work.accept(record);
              }
            } catch (RuntimeException | Error e) {
              failure.compareAndSet(null, e);
            } finally {
              lanes.release();
            }
          });
        }
        after = page.next();
      } while (after != null && failure.get() == null);
    }
    switch (failure.get()) {
      case null -> { }
      case Error e -> throw e;
      case RuntimeException e -> throw e;
      default -> throw new IllegalStateException(failure.get());
    }
  }

  private interface PagedList {
    Future<SessionPage> page(PersistenceAdapter store, int limit, String after);
  }
}
