package dev.agentruntime.examples;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionCursor;
import dev.agentruntime.persistence.SessionPage;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StaleOwnerException;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.persistence.StoredSession;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A store of one's own, as an example: a folder for each session, and in it a file for the record, each transcript and each workspace file.
 * It passes the contract, in one process on one disk; it lists by looking at every session, so that it is for few of them.
 */
public final class FolderPersistence implements PersistenceAdapter {

  private record Owned(SessionRecord record, String owner) {}

  private interface Write {
    void to(Folder session) throws IOException;
  }

  private final Vertx vertx;
  private final Path sessions;
  private final Folder profiles;
  private volatile boolean open;

  public FolderPersistence(Vertx vertx, Path root) {
    this.vertx = vertx;
    this.sessions = root.resolve("sessions");
    this.profiles = new Folder(root.resolve("profiles"));
  }

  public Future<Void> start() {
    open = true;
    return ping();
  }

  public Future<Void> ping() {
    return work(() -> null);
  }

  public Future<Void> close() {
    open = false;
    return Future.succeededFuture();
  }

  public Future<SessionPage> listAllSessions(int limit, String after) {
    return page(limit, after, record -> true);
  }

  public Future<SessionPage> listRecoverableSessions(int limit, String after) {
    return page(limit, after, record -> record.recovery() != null);
  }

  private Future<SessionPage> page(int limit, String after, Predicate<SessionRecord> wanted) {
    return work(() -> {
      SessionCursor.requireLimit(limit);
      SessionCursor last = after == null ? null : SessionCursor.parse(after);
      List<SessionRecord> rest = Folder.readEach(sessions, "record", Owned.class).stream().map(Owned::record)
          .filter(record -> wanted.test(record) && (last == null || SessionCursor.of(record).compareTo(last) > 0))
          .sorted(Comparator.comparing(SessionCursor::of)).toList();
      List<SessionRecord> page = rest.subList(0, Math.min(limit, rest.size()));
      return new SessionPage(page, page.size() == rest.size() ? null : SessionCursor.of(page.getLast()).toString());
    });
  }

  public Future<Optional<SessionRecord>> findSession(String id) {
    return work(() -> find(id).map(Owned::record));
  }

  public Future<Optional<StoredSession>> inspectSession(String id) {
    return work(() -> inspect(id));
  }

  public Future<Optional<StoredSession>> loadSession(String id, String epoch) {
    return work(() -> {
      Optional<Owned> found = find(id);
      if (found.isPresent()) {
        session(id).put("record", new Owned(found.get().record, epoch));
      }
      return inspect(id);
    });
  }

  public Future<Void> renewEpoch(String id, String epoch, String next) {
    return work(() -> find(id).map(Owned::owner).orElse(epoch)).compose(owner -> write(id, owner.equals(next) ? next : epoch, session ->
        session.put("record", new Owned(find(id).orElseThrow().record, next))));
  }

  public Future<Void> createSessionRecord(SessionRecord record, String epoch) {
    return work(() -> {
      Owned wanted = new Owned(record, epoch);
      Optional<Owned> found = find(record.sessionId());
      require(found.isEmpty() || found.get().toString().equals(wanted.toString()), Kind.CONFLICT, "there is such a session");
      if (found.isEmpty()) {
        session(record.sessionId()).deleteAll();
      }
      session(record.sessionId()).put("record", wanted);
      return null;
    });
  }

  public Future<Void> updateSessionRecord(SessionRecord record, String epoch) {
    return write(record.sessionId(), epoch, session -> session.put("record", new Owned(record, epoch)));
  }

  public Future<Void> saveTranscript(String id, String epoch, String name, long offset, Buffer bytes) {
    return write(id, epoch, session -> {
      require(offset >= 0, Kind.INVALID, "the offset is negative");
      long length = session.length("transcript", name);
      require(offset <= Math.max(length, 0), Kind.GAP, "the transcript has less than " + offset + " bytes");
      int known = (int) Math.min(Math.max(length, 0) - offset, bytes.length());
      session.append("transcript", name, bytes.getBytes(known, bytes.length()));
    });
  }

  public Future<Void> replaceTranscript(String id, String epoch, String name, Buffer bytes) {
    return write(id, epoch, session -> session.put("transcript", name, 0, bytes.getBytes()));
  }

  public Future<Buffer> readTranscript(String id, String name, long offset, int length) {
    return read(id, "transcript", name, offset, length);
  }

  public Future<Void> saveWorkspaceFile(String id, String epoch, String path, long modifiedAt, Buffer content) {
    return write(id, epoch, session -> session.put("file", path, modifiedAt, content.getBytes()));
  }

  public Future<Buffer> readWorkspaceFile(String id, String path, long offset, int length) {
    return read(id, "file", path, offset, length);
  }

  public Future<Void> deleteSessionFile(String id, String epoch, String path) {
    return write(id, epoch, session -> session.delete("file", path));
  }

  public Future<Void> deleteSession(String id, String epoch) {
    return write(id, epoch, Folder::deleteAll).recover(failure ->
        failure instanceof PersistenceException e && e.kind() == Kind.NOT_FOUND ? Future.succeededFuture() : Future.failedFuture(failure));
  }

  public Future<List<StoredProfile>> listAgentProfiles() {
    return work(() -> profiles.readAll(StoredProfile.class).stream().sorted(Comparator.comparing(StoredProfile::id)).toList());
  }

  public Future<Optional<StoredProfile>> loadAgentProfile(String id) {
    return work(() -> profiles.read(id, StoredProfile.class));
  }

  public Future<Void> saveAgentProfile(StoredProfile profile, String expectedVersion) {
    return work(() -> {
      String version = profiles.read(profile.id(), StoredProfile.class).map(StoredProfile::version).orElse(null);
      require(profile.version().equals(version) || Objects.equals(version, expectedVersion), Kind.CONFLICT, "it is of another version");
      profiles.put(profile.id(), profile);
      return null;
    });
  }

  public Future<Void> deleteAgentProfile(String id, String expectedVersion) {
    return work(() -> {
      String version = profiles.read(id, StoredProfile.class).map(StoredProfile::version).orElse(expectedVersion);
      require(version.equals(expectedVersion), Kind.CONFLICT, "it is of another version");
      profiles.delete(id);
      return null;
    });
  }

  /** One thing at a time, off the event loop: this is what makes a look at the owner and the write after it one step. */
  private <T> Future<T> work(Folder.Work<T> work) {
    return vertx.executeBlocking(() -> {
      require(open, Kind.UNAVAILABLE, "the store is closed");
      return Folder.alone(work);
    }, false);
  }

  private Future<Void> write(String id, String epoch, Write write) {
    return work(() -> {
      Optional<Owned> found = find(id);
      require(found.isPresent(), Kind.NOT_FOUND, "there is no such session");
      if (!found.get().owner.equals(epoch)) {
        throw new StaleOwnerException(id);
      }
      write.to(session(id));
      return null;
    });
  }

  private Future<Buffer> read(String id, String kind, String name, long offset, int length) {
    return work(() -> {
      require(offset >= 0 && length >= 0, Kind.INVALID, "an offset or length is negative");
      require(session(id).length(kind, name) >= 0, Kind.NOT_FOUND, "there is no such " + kind);
      return Buffer.buffer(session(id).read(kind, name, offset, length));
    });
  }

  private Optional<StoredSession> inspect(String id) throws IOException {
    Folder session = session(id);
    var transcripts = session.list("transcript").stream().map(it -> new StoredSession.Transcript(it.name(), it.length())).toList();
    var files = session.list("file").stream().map(it -> new StoredSession.StoredFile(it.name(), it.length(), it.modifiedAt())).toList();
    return find(id).map(found -> new StoredSession(found.record, transcripts, files));
  }

  private Folder session(String id) {
    return new Folder(sessions.resolve(Folder.fileName(id)));
  }

  private Optional<Owned> find(String id) throws IOException {
    return session(id).read("record", Owned.class);
  }

  private static void require(boolean condition, Kind otherwise, String why) {
    if (!condition) {
      throw new PersistenceException(otherwise, why);
    }
  }
}
