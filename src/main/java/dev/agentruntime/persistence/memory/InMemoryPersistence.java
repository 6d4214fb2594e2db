package dev.agentruntime.persistence.memory;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.CodePoints;
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
import io.vertx.core.buffer.Buffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;

/**
 * Keeps sessions in memory ({@code memory:}), for trying things out and for tests. <b>It survives nothing</b>: when the process ends,
 * however it ends, everything is gone; "saved" means no more than "can be read again in this process". {@link #close()} forgets everything
 * too. In all else it keeps the promises of {@link PersistenceAdapter}.
 *
 * <p>Threading: one lock around short copies; every future is complete when the call returns.
 */
public final class InMemoryPersistence implements PersistenceAdapter {

  private static final class Session {
    final Map<String, Buffer> transcripts = new TreeMap<>();
    final Map<String, StoredContent> files = new TreeMap<>();
    SessionRecord record;
    String owner;
  }

  private record StoredContent(Buffer bytes, long modifiedAt) {}

  private final Map<String, Session> sessions = new HashMap<>();
  private final TreeMap<SessionCursor, Session> newestFirst = new TreeMap<>();
  private final TreeMap<SessionCursor, Session> recoverable = new TreeMap<>();
  private final Map<String, StoredProfile> profiles = new TreeMap<>(CodePoints.ORDER);
  private boolean open;

  @Override
  public synchronized Future<Void> start() {
    open = true;
    return Future.succeededFuture();
  }

  @Override
  public Future<Void> ping() {
    return answer(() -> null);
  }

  @Override
  public synchronized Future<Void> close() {
    open = false;
    sessions.clear();
    newestFirst.clear();
    recoverable.clear();
    profiles.clear();
    return Future.succeededFuture();
  }

  @Override
  public Future<SessionPage> listAllSessions(int limit, String after) {
    return answer(() -> page(newestFirst, limit, after));
  }

  @Override
  public Future<SessionPage> listRecoverableSessions(int limit, String after) {
    return answer(() -> page(recoverable, limit, after));
  }

  private static SessionPage page(TreeMap<SessionCursor, Session> listed, int limit, String after) {
    SessionCursor.requireLimit(limit);
    var rest = after == null ? listed : listed.tailMap(SessionCursor.parse(after), false);
    List<SessionRecord> page = rest.values().stream().limit(limit).map(session -> copy(session.record)).toList();
    SessionCursor last = page.isEmpty() ? null : SessionCursor.of(page.getLast());
    boolean more = last != null && listed.higherKey(last) != null;
    return new SessionPage(page, more ? last.toString() : null);
  }

  @Override
  public Future<Optional<SessionRecord>> findSession(String sessionId) {
    return answer(() -> Optional.ofNullable(sessions.get(sessionId)).map(session -> copy(session.record)));
  }

  @Override
  public Future<Optional<StoredSession>> inspectSession(String sessionId) {
    return answer(() -> Optional.ofNullable(sessions.get(sessionId)).map(InMemoryPersistence::stored));
  }

  @Override
  public Future<Optional<StoredSession>> loadSession(String sessionId, String epoch) {
    return answer(() -> {
      Session session = sessions.get(sessionId);
      if (session == null) {
        return Optional.empty();
      }
      session.owner = epoch;
      return Optional.of(stored(session));
    });
  }

  @Override
  public Future<Void> renewEpoch(String sessionId, String epoch, String next) {
    return answer(() -> {
      Session session = sessions.get(sessionId);
      if (session == null || !session.owner.equals(next)) {
        owned(sessionId, epoch).owner = next;
      }
      return null;
    });
  }

  private static StoredSession stored(Session session) {
    return new StoredSession(
        copy(session.record),
        session.transcripts.entrySet().stream()
            .map(entry -> new StoredSession.Transcript(entry.getKey(), entry.getValue().length())).toList(),
        session.files.entrySet().stream()
            .map(entry -> new StoredSession.StoredFile(entry.getKey(), entry.getValue().bytes.length(), entry.getValue().modifiedAt))
            .toList());
  }

  @Override
  public Future<Void> createSessionRecord(SessionRecord record, String epoch) {
    return answer(() -> {
      Session existing = sessions.get(record.sessionId());
      if (existing == null) {
        Session session = new Session();
        session.owner = epoch;
        sessions.put(record.sessionId(), session);
        put(session, record);
      } else if (!existing.owner.equals(epoch) || !existing.record.toString().equals(record.toString())) {
        throw new PersistenceException(Kind.CONFLICT, "there is already a session with this id");
      }
      return null;
    });
  }

  @Override
  public Future<Void> updateSessionRecord(SessionRecord record, String epoch) {
    return answer(() -> {
      put(owned(record.sessionId(), epoch), record);
      return null;
    });
  }

  private void put(Session session, SessionRecord record) {
    if (session.record != null) {
      forget(session.record);
    }
    session.record = copy(record);
    newestFirst.put(SessionCursor.of(record), session);
    if (record.recovery() != null) {
      recoverable.put(SessionCursor.of(record), session);
    }
  }

  private void forget(SessionRecord record) {
    newestFirst.remove(SessionCursor.of(record));
    recoverable.remove(SessionCursor.of(record));
  }

  @Override
  public Future<Void> saveTranscript(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    return answer(() -> {
      Session session = owned(sessionId, epoch);
      requireOffset(offset);
      Buffer stored = session.transcripts.get(name);
      long length = stored == null ? 0 : stored.length();
      if (offset > length) {
        throw new PersistenceException(Kind.GAP, "the transcript has " + length + " bytes, the append begins at " + offset);
      }
      int known = (int) Math.min(length - offset, bytes.length());
      if (stored == null) {
        stored = Buffer.buffer();
        session.transcripts.put(name, stored);
      }
      stored.appendBytes(bytes.getBytes(known, bytes.length()));
      return null;
    });
  }

  @Override
  public Future<Void> replaceTranscript(String sessionId, String epoch, String name, Buffer bytes) {
    return answer(() -> {
      owned(sessionId, epoch).transcripts.put(name, bytes.copy());
      return null;
    });
  }

  @Override
  public Future<Buffer> readTranscript(String sessionId, String name, long offset, int length) {
    return answer(() -> {
      Session session = sessions.get(sessionId);
      return range(session == null ? null : session.transcripts.get(name), offset, length);
    });
  }

  @Override
  public Future<Void> saveWorkspaceFile(String sessionId, String epoch, String path, long modifiedAt, Buffer content) {
    return answer(() -> {
      owned(sessionId, epoch).files.put(path, new StoredContent(content.copy(), modifiedAt));
      return null;
    });
  }

  @Override
  public Future<Buffer> readWorkspaceFile(String sessionId, String path, long offset, int length) {
    return answer(() -> {
      Session session = sessions.get(sessionId);
      StoredContent file = session == null ? null : session.files.get(path);
      return range(file == null ? null : file.bytes, offset, length);
    });
  }

  @Override
  public Future<Void> deleteSessionFile(String sessionId, String epoch, String path) {
    return answer(() -> {
      owned(sessionId, epoch).files.remove(path);
      return null;
    });
  }

  @Override
  public Future<Void> deleteSession(String sessionId, String epoch) {
    return answer(() -> {
      if (sessions.containsKey(sessionId)) {
        forget(owned(sessionId, epoch).record);
        sessions.remove(sessionId);
      }
      return null;
    });
  }

  @Override
  public Future<List<StoredProfile>> listAgentProfiles() {
    return answer(() -> profiles.values().stream().map(InMemoryPersistence::copy).toList());
  }

  @Override
  public Future<Optional<StoredProfile>> loadAgentProfile(String profileId) {
    return answer(() -> Optional.ofNullable(profiles.get(profileId)).map(InMemoryPersistence::copy));
  }

  @Override
  public Future<Void> saveAgentProfile(StoredProfile profile, String expectedVersion) {
    return answer(() -> {
      String version = version(profile.id());
      if (!profile.version().equals(version)) {
        requireVersion(expectedVersion, version);
        profiles.put(profile.id(), copy(profile));
      }
      return null;
    });
  }

  @Override
  public Future<Void> deleteAgentProfile(String profileId, String expectedVersion) {
    return answer(() -> {
      String version = version(profileId);
      if (version != null) {
        requireVersion(expectedVersion, version);
        profiles.remove(profileId);
      }
      return null;
    });
  }

  /** @return {@code null} if there is no such profile */
  private String version(String profileId) {
    StoredProfile profile = profiles.get(profileId);
    return profile == null ? null : profile.version();
  }

  private static void requireVersion(String expected, String stored) {
    if (!Objects.equals(expected, stored)) {
      throw new PersistenceException(Kind.CONFLICT, "the profile is not of the expected version");
    }
  }

  private synchronized <T> Future<T> answer(Callable<T> work) {
    if (!open) {
      return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store is closed"));
    }
    try {
      return Future.succeededFuture(work.call());
    } catch (Exception e) {
      return Future.failedFuture(e);
    }
  }

  private Session owned(String sessionId, String epoch) {
    Session session = sessions.get(sessionId);
    if (session == null) {
      throw new PersistenceException(Kind.NOT_FOUND, "there is no such session");
    }
    if (!session.owner.equals(epoch)) {
      throw new StaleOwnerException(sessionId);
    }
    return session;
  }

  private static Buffer range(Buffer stored, long offset, int length) {
    requireOffset(offset);
    requireOffset(length);
    if (stored == null) {
      throw new PersistenceException(Kind.NOT_FOUND, "there is no such content");
    }
    int from = (int) Math.min(offset, stored.length());
    int to = (int) Math.min((long) from + length, stored.length());
    return Buffer.buffer(stored.getBytes(from, to));
  }

  private static void requireOffset(long offset) {
    if (offset < 0) {
      throw new PersistenceException(Kind.INVALID, "an offset or length is negative");
    }
  }

  /** JSON trees can be changed by whoever holds them. */
  private static SessionRecord copy(SessionRecord record) {
    return new SessionRecord(record.sessionId(), record.type(), record.agentProfileReference(), record.name(), record.createdAt(),
        record.lastActivity(), copy(record.sessionOptions()), copy(record.metadata()), copy(record.recovery()));
  }

  private static StoredProfile copy(StoredProfile profile) {
    return new StoredProfile(profile.id(), profile.version(), copy(profile.document()));
  }

  private static ObjectNode copy(ObjectNode tree) {
    return tree == null ? null : tree.deepCopy();
  }
}
