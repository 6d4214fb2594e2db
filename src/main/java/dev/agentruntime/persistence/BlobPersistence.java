package dev.agentruntime.persistence;

import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.StoredSession.StoredFile;
import dev.agentruntime.persistence.StoredSession.Transcript;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Predicate;

/**
 * The beginning of a store of one's own that keeps blobs, bytes under a name, in folders. Whoever extends it says how they are read and
 * written, and how that is done by one at a time; the promises of {@link PersistenceAdapter} are kept here. It lists by reading every
 * session's record, so that it is for some thousands of sessions and not for millions.
 *
 * <p>The names of folders and blobs that it gives have up to 80 of the characters {@code a-z}, {@code 0-9} and {@code -}, so that they can
 * be names of files. A session is a blob in {@code sessions} with its record and owner, which is written last and erased first, and two
 * folders with its transcripts and files.
 */
public abstract class BlobPersistence implements PersistenceAdapter {

  private static final String SESSIONS = "sessions";
  private static final String PROFILES = "profiles";
  private static final String TRANSCRIPT = "transcript-";
  private static final String FILE = "file-";

  /** More than a {@link Heading} can have. */
  private static final int LONGEST_HEADING_BYTES = 8192;

  private record Head(SessionRecord record, String owner) {}

  /** What stands before the bytes of a transcript or file, after its own length in four bytes. */
  private record Heading(String name, long modifiedAt) {
    Buffer bytes() {
      byte[] json = Json.bytes(this);
      return Buffer.buffer().appendInt(json.length).appendBytes(json);
    }
  }

  /** @param start where the bytes begin in the blob */
  private record Content(Heading heading, long start, long length) {}

  private interface Write {
    void to(String sessionId) throws IOException;
  }

  private volatile boolean open;

  /**
   * Does the work when that of all earlier calls is done, and while nobody else does any, in this process or another, if the store is shared.
   * It blocks. The answer fails as the work does.
   */
  protected abstract <T> Future<T> alone(Callable<T> work);

  /** The names of a folder's blobs; none if there is no such folder. */
  protected abstract List<String> list(String folder) throws IOException;

  /** How many bytes the blob has; -1 if it is not there. */
  protected abstract long size(String folder, String name) throws IOException;

  /** Bytes of a blob that is there, from {@code offset} on: {@code length} of them, or as many as there are. */
  protected abstract Buffer read(String folder, String name, long offset, int length) throws IOException;

  /** Creates or replaces a blob, and its folder if need be: whatever happens, the old one is there or the new one. */
  protected abstract void write(String folder, String name, Buffer bytes) throws IOException;

  /** Appends to a blob that is there. */
  protected abstract void append(String folder, String name, Buffer bytes) throws IOException;

  /** Erases a blob, if it is there. */
  protected abstract void erase(String folder, String name) throws IOException;

  @Override
  public Future<Void> start() {
    open = true;
    return ping();
  }

  @Override
  public Future<Void> ping() {
    return work(() -> {
      size(SESSIONS, key(""));
      return null;
    });
  }

  @Override
  public Future<Void> close() {
    open = false;
    return Future.succeededFuture();
  }

  @Override
  public Future<SessionPage> listAllSessions(int limit, String after) {
    return page(limit, after, record -> true);
  }

  @Override
  public Future<SessionPage> listRecoverableSessions(int limit, String after) {
    return page(limit, after, record -> record.recovery() != null);
  }

  private Future<SessionPage> page(int limit, String after, Predicate<SessionRecord> wanted) {
    return work(() -> {
      SessionCursor.requireLimit(limit);
      SessionCursor last = after == null ? null : SessionCursor.parse(after);
      List<SessionRecord> rest = documents(SESSIONS, Head.class).stream().map(Head::record)
          .filter(record -> wanted.test(record) && (last == null || SessionCursor.of(record).compareTo(last) > 0))
          .sorted(Comparator.comparing(SessionCursor::of)).toList();
      List<SessionRecord> page = rest.subList(0, Math.min(limit, rest.size()));
      return new SessionPage(page, page.size() == rest.size() ? null : SessionCursor.of(page.getLast()).toString());
    });
  }

  @Override
  public Future<Optional<SessionRecord>> findSession(String sessionId) {
    return work(() -> head(sessionId).map(Head::record));
  }

  @Override
  public Future<Optional<StoredSession>> inspectSession(String sessionId) {
    return work(() -> stored(sessionId));
  }

  @Override
  public Future<Optional<StoredSession>> loadSession(String sessionId, String epoch) {
    return work(() -> {
      Optional<Head> head = head(sessionId);
      if (head.isPresent()) {
        put(new Head(head.get().record, epoch));
      }
      return stored(sessionId);
    });
  }

  private Optional<StoredSession> stored(String sessionId) throws IOException {
    List<Transcript> transcripts = new ArrayList<>();
    for (String name : list(TRANSCRIPT + key(sessionId))) {
      Content content = content(TRANSCRIPT + key(sessionId), name);
      transcripts.add(new Transcript(content.heading.name, content.length));
    }
    List<StoredFile> files = new ArrayList<>();
    for (String name : list(FILE + key(sessionId))) {
      Content content = content(FILE + key(sessionId), name);
      files.add(new StoredFile(content.heading.name, content.length, content.heading.modifiedAt));
    }
    return head(sessionId).map(head -> new StoredSession(head.record, transcripts, files));
  }

  @Override
  public Future<Void> renewEpoch(String sessionId, String epoch, String next) {
    return work(() -> {
      Head head = head(sessionId).filter(found -> found.owner.equals(next)).orElse(null);
      put(new Head((head == null ? owned(sessionId, epoch) : head).record, next));
      return null;
    });
  }

  @Override
  public Future<Void> createSessionRecord(SessionRecord record, String epoch) {
    return work(() -> {
      Head made = new Head(record, epoch);
      Optional<Head> head = head(record.sessionId());
      require(head.isEmpty() || head.get().toString().equals(made.toString()), Kind.CONFLICT, "there is already a session with this id");
      if (head.isEmpty()) {
        eraseContents(record.sessionId());
      }
      put(made);
      return null;
    });
  }

  @Override
  public Future<Void> updateSessionRecord(SessionRecord record, String epoch) {
    return write(record.sessionId(), epoch, id -> put(new Head(record, epoch)));
  }

  @Override
  public Future<Void> saveTranscript(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    return write(sessionId, epoch, id -> {
      require(offset >= 0, Kind.INVALID, "an offset is negative");
      String folder = TRANSCRIPT + key(id);
      Content content = content(folder, key(name));
      long length = content == null ? 0 : content.length;
      require(offset <= length, Kind.GAP, "the transcript has " + length + " bytes, the append begins at " + offset);
      Buffer unknown = bytes.getBuffer((int) Math.min(length - offset, bytes.length()), bytes.length());
      if (content == null) {
        write(folder, key(name), new Heading(name, 0).bytes().appendBuffer(unknown));
      } else {
        append(folder, key(name), unknown);
      }
    });
  }

  @Override
  public Future<Void> replaceTranscript(String sessionId, String epoch, String name, Buffer bytes) {
    return write(sessionId, epoch, id -> write(TRANSCRIPT + key(id), key(name), new Heading(name, 0).bytes().appendBuffer(bytes)));
  }

  @Override
  public Future<Buffer> readTranscript(String sessionId, String name, long offset, int length) {
    return read(TRANSCRIPT, sessionId, name, offset, length);
  }

  @Override
  public Future<Void> saveWorkspaceFile(String sessionId, String epoch, String path, long modifiedAt, Buffer content) {
    return write(sessionId, epoch, id -> write(FILE + key(id), key(path), new Heading(path, modifiedAt).bytes().appendBuffer(content)));
  }

  @Override
  public Future<Buffer> readWorkspaceFile(String sessionId, String path, long offset, int length) {
    return read(FILE, sessionId, path, offset, length);
  }

  @Override
  public Future<Void> deleteSessionFile(String sessionId, String epoch, String path) {
    return write(sessionId, epoch, id -> erase(FILE + key(id), key(path)));
  }

  @Override
  public Future<Void> deleteSession(String sessionId, String epoch) {
    return work(() -> {
      if (head(sessionId).isPresent()) {
        owned(sessionId, epoch);
        erase(SESSIONS, key(sessionId));
        eraseContents(sessionId);
      }
      return null;
    });
  }

  private void eraseContents(String sessionId) throws IOException {
    for (String kind : List.of(TRANSCRIPT, FILE)) {
      for (String name : list(kind + key(sessionId))) {
        erase(kind + key(sessionId), name);
      }
    }
  }

  @Override
  public Future<List<StoredProfile>> listAgentProfiles() {
    return work(() -> documents(PROFILES, StoredProfile.class).stream()
        .sorted(Comparator.comparing(StoredProfile::id, CodePoints.ORDER)).toList());
  }

  @Override
  public Future<Optional<StoredProfile>> loadAgentProfile(String profileId) {
    return work(() -> document(PROFILES, key(profileId), StoredProfile.class));
  }

  @Override
  public Future<Void> saveAgentProfile(StoredProfile profile, String expectedVersion) {
    return work(() -> {
      String version = document(PROFILES, key(profile.id()), StoredProfile.class).map(StoredProfile::version).orElse(null);
      require(profile.version().equals(version) || Objects.equals(version, expectedVersion), Kind.CONFLICT,
          "the profile is not of the expected version");
      write(PROFILES, key(profile.id()), Buffer.buffer(Json.bytes(profile)));
      return null;
    });
  }

  @Override
  public Future<Void> deleteAgentProfile(String profileId, String expectedVersion) {
    return work(() -> {
      Optional<StoredProfile> stored = document(PROFILES, key(profileId), StoredProfile.class);
      require(stored.isEmpty() || stored.get().version().equals(expectedVersion), Kind.CONFLICT, "the profile is not of the expected version");
      erase(PROFILES, key(profileId));
      return null;
    });
  }

  private <T> Future<T> work(Callable<T> work) {
    return open
        ? alone(work).recover(failure -> Future.failedFuture(failure instanceof PersistenceException known ? known
            : new PersistenceException(Kind.UNAVAILABLE, "the store cannot be read or written", failure)))
        : Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store is closed"));
  }

  private Future<Void> write(String sessionId, String epoch, Write write) {
    return work(() -> {
      owned(sessionId, epoch);
      write.to(sessionId);
      return null;
    });
  }

  private Future<Buffer> read(String kind, String sessionId, String name, long offset, int length) {
    return work(() -> {
      require(offset >= 0 && length >= 0, Kind.INVALID, "an offset or length is negative");
      Content content = content(kind + key(sessionId), key(name));
      require(content != null && head(sessionId).isPresent(), Kind.NOT_FOUND, "there is no such session or content");
      long from = Math.min(offset, content.length);
      return read(kind + key(sessionId), key(name), content.start + from, (int) Math.min(length, content.length - from));
    });
  }

  private Head owned(String sessionId, String epoch) throws IOException {
    Head head = head(sessionId).orElseThrow(() -> new PersistenceException(Kind.NOT_FOUND, "there is no such session"));
    if (!head.owner.equals(epoch)) {
      throw new StaleOwnerException(sessionId);
    }
    return head;
  }

  private Optional<Head> head(String sessionId) throws IOException {
    return document(SESSIONS, key(sessionId), Head.class);
  }

  private void put(Head head) throws IOException {
    write(SESSIONS, key(head.record.sessionId()), Buffer.buffer(Json.bytes(head)));
  }

  private <T> Optional<T> document(String folder, String name, Class<T> type) throws IOException {
    return size(folder, name) < 0
        ? Optional.empty()
        : Optional.of(Json.MAPPER.readValue(read(folder, name, 0, Integer.MAX_VALUE).getBytes(), type));
  }

  private <T> List<T> documents(String folder, Class<T> type) throws IOException {
    List<T> all = new ArrayList<>();
    for (String name : list(folder)) {
      document(folder, name, type).ifPresent(all::add);
    }
    return all;
  }

  /** @return {@code null} if there is none */
  private Content content(String folder, String name) throws IOException {
    long size = size(folder, name);
    if (size < 0) {
      return null;
    }
    Buffer beginning = read(folder, name, 0, LONGEST_HEADING_BYTES);
    int start = Integer.BYTES + beginning.getInt(0);
    return new Content(Json.MAPPER.readValue(beginning.getBytes(Integer.BYTES, start), Heading.class), start, size - start);
  }

  /** Short, and no two names have the same. */
  private static String key(String name) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void require(boolean condition, Kind otherwise, String why) {
    if (!condition) {
      throw new PersistenceException(otherwise, why);
    }
  }
}
