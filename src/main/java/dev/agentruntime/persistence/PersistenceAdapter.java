package dev.agentruntime.persistence;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.Optional;

/**
 * Where sessions are kept. The main integration point: implement it for a store of your own and prove it with {@code PersistenceContract}.
 *
 * <h2>Promises</h2>
 * <ul>
 *   <li>A future succeeds when the thing is saved, and from then on it survives the death of the process (the in-memory adapter does not
 *       promise that).
 *   <li>A read that fails is a failed future. What is not there is said in the type: an empty {@link Optional}, never for "could not read".
 *   <li><b>Ownership.</b> {@link #loadSession} makes the given epoch the owner of the session. Every write names the epoch of its writer,
 *       and is refused with {@link StaleOwnerException}, in the very statement that writes, once another epoch owns the session.
 *   <li>Writes of one session are issued one after another by their owner; those of different sessions concurrently.
 *   <li>A write that is repeated because its answer was lost does no harm.
 *   <li>A write of a session that failed with {@code UNAVAILABLE} may have been done, or may yet be: late, after newer ones. Its owner gives
 *       itself a new epoch with {@link #renewEpoch} before it writes on, which ends that; whoever gives up a creation ends it with {@link
 *       #deleteSession}. An adapter repeats such a write by itself only if it knows that it was not done.
 * </ul>
 *
 * <p>Threading: methods are called from any thread and never block; futures may complete on any thread. Failures are
 * {@link PersistenceException}s, whose messages hold no path of the server and nothing that a user stored. Ids, names and paths are text of
 * up to 512 characters, compared character by character (case, accents and trailing spaces count); bytes are bytes. Buffers and JSON trees
 * that are passed in are not changed by the caller before the future completes; those that come out are the caller's own.
 */
public interface PersistenceAdapter {

  /** Makes the store ready: connects, migrates the schema. Called once, before anything else. */
  Future<Void> start();

  /** A cheap round trip to the store, for readiness. */
  Future<Void> ping();

  /** Releases what it holds. What was saved stays saved. */
  Future<Void> close();

  /**
   * Sessions by {@code createdAt} descending, then by id descending (by code points). A session that is there from the first page to the
   * last is in exactly one of them, whatever is created or deleted meanwhile.
   *
   * @param limit 1 or more
   * @param after the {@link SessionPage#next()} of the page before, or {@code null} for the first page; fails with {@code INVALID} for
   *     anything else
   */
  Future<SessionPage> listAllSessions(int limit, String after);

  /**
   * Those sessions whose {@link SessionRecord#recovery()} is not {@code null}, paged and ordered as by {@link #listAllSessions}. Asked at
   * every start: costs what it gives, however many sessions are stored. A session that has a recovery from the first page to the last is in
   * exactly one of them.
   */
  Future<SessionPage> listRecoverableSessions(int limit, String after);

  /** Reads one record without becoming its owner. */
  Future<Optional<SessionRecord>> findSession(String sessionId);

  /**
   * As {@link #loadSession}, without becoming the owner and without changing anything. What is saved during the call may be in the answer
   * or not; what was saved before it is.
   */
  Future<Optional<StoredSession>> inspectSession(String sessionId);

  /**
   * Becomes the session's owner and reads what is needed to go on: the record, and the names and sizes of its transcripts and files.
   *
   * @param epoch the new owner's epoch
   */
  Future<Optional<StoredSession>> loadSession(String sessionId, String epoch);

  /**
   * Puts {@code next} in the place of the owner's {@code epoch}: no write that names {@code epoch} is done from then on. Fails with {@link
   * StaleOwnerException} if another epoch owns the session. Succeeds if {@code next} owns it already (a repeated write).
   */
  Future<Void> renewEpoch(String sessionId, String epoch, String next);

  /**
   * Makes the session, owned by {@code epoch}. Fails with {@link PersistenceException.Kind#CONFLICT} if there is a session of that id
   * already, unless it is this very one: the same record made by the same epoch (a repeated write).
   */
  Future<Void> createSessionRecord(SessionRecord record, String epoch);

  /** Replaces the record. Fails with {@code NOT_FOUND} if there is no such session, as every write below and a renewal do. */
  Future<Void> updateSessionRecord(SessionRecord record, String epoch);

  /**
   * Appends to one of the session's transcripts: append-only streams of bytes, each under its own name.
   *
   * <p>{@code bytes} belong at {@code offset}. What of them is stored already is taken as saved before (a repeated write); if {@code
   * offset} lies beyond what is stored, the write fails with {@link PersistenceException.Kind#GAP}. The first write, at offset 0, makes the
   * transcript, be it empty. Costs what the transcript grew by.
   */
  Future<Void> saveTranscript(String sessionId, String epoch, String name, long offset, Buffer bytes);

  /** Puts {@code bytes} in the place of the whole transcript, at once: readers see the old or the new, and a failure leaves the old. */
  Future<Void> replaceTranscript(String sessionId, String epoch, String name, Buffer bytes);

  /** Up to {@code length} bytes from {@code offset}; fewer only at the end. Fails with {@code NOT_FOUND} for an unknown name. */
  Future<Buffer> readTranscript(String sessionId, String name, long offset, int length);

  /** Creates or replaces one workspace file, at once. @param modifiedAt epoch milliseconds */
  Future<Void> saveWorkspaceFile(String sessionId, String epoch, String path, long modifiedAt, Buffer content);

  /** Up to {@code length} bytes of a file from {@code offset}; fewer only at the end. Fails with {@code NOT_FOUND} for an unknown path. */
  Future<Buffer> readWorkspaceFile(String sessionId, String path, long offset, int length);

  /** Succeeds also if there is no such file. */
  Future<Void> deleteSessionFile(String sessionId, String epoch, String path);

  /**
   * Erases everything stored about the session; what its owners still write afterwards fails with {@code NOT_FOUND}. Succeeds also if there
   * is no such session, so that it can be repeated. A creation by {@code epoch} that was called before is not done after it, whether or not
   * it has been answered; whoever makes another session of that id does so with another epoch.
   */
  Future<Void> deleteSession(String sessionId, String epoch);

  /** Profiles kept in the store, by id (by code points). A store may hold none. */
  Future<List<StoredProfile>> listAgentProfiles();

  Future<Optional<StoredProfile>> loadAgentProfile(String profileId);

  /**
   * Creates or replaces a profile. Fails with {@code CONFLICT}, in the very statement that writes, if what is stored under its id is not of
   * the expected version, unless it is this very profile already: the same version (a repeated write).
   *
   * @param profile its version is new, never one that was saved before
   * @param expectedVersion of the profile that it replaces; {@code null} if there must be none
   */
  Future<Void> saveAgentProfile(StoredProfile profile, String expectedVersion);

  /**
   * Succeeds also if there is no such profile, so that it can be repeated. Fails with {@code CONFLICT} if there is one of another version.
   */
  Future<Void> deleteAgentProfile(String profileId, String expectedVersion);
}
