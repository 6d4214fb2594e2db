package dev.agentruntime.persistence.copy;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.StoredSession.StoredFile;
import dev.agentruntime.persistence.StoredSession.Transcript;
import dev.agentruntime.persistence.copy.CopyException.Reason;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

/** Copies one session after another, each from where an earlier copy of it ended, and looks whether it is the same. Thread-safe. */
final class SessionCopy {

  /** How often a session that changes while it is copied is copied again. */
  private static final int ATTEMPTS = 3;

  /** Files are read and written whole; of those that are larger, one at a time. */
  private static final int LARGE_FILE_BYTES = 4 << 20;

  private final PatientStore from;
  private final PatientStore to;
  private final ReentrantLock large = new ReentrantLock();

  SessionCopy(PatientStore from, PatientStore to) {
    this.from = from;
    this.to = to;
  }

  /** @return what the copy has, or empty if the session has been deleted meanwhile */
  Optional<StoredSession> copy(String id) {
    boolean madeAnew = false;
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      Optional<StoredSession> found = from.ask(store -> store.inspectSession(id));
      if (found.isEmpty()) {
        return found;
      }
      StoredSession source = found.get();
      try {
        bringUpToDate(source);
        if (isSame(source)) {
          return found;
        }
      } catch (PersistenceException e) {
        if (e.kind() != PersistenceException.Kind.NOT_FOUND) {
          throw e;
        }
        // Something of it is gone: it has changed.
      }
      if (hasChanged(source)) {
        continue;
      }
      if (madeAnew) {
        throw new CopyException(Reason.DIFFERENT, "Session " + id + " was copied twice, and the copy is not the same.");
      }
      madeAnew = true;
      // Looked for each time: of what is gone already no erasure is left behind, under which it could not be made anew.
      write(id, "remove", () -> to.ask(store -> store.findSession(id).compose(there ->
          there.isEmpty() ? Future.succeededFuture() : store.deleteSession(id, StoreCopy.EPOCH))));
    }
    throw new CopyException(Reason.SOURCE_IN_USE, "Session " + id + " changes while it is copied.");
  }

  private boolean hasChanged(StoredSession source) {
    Optional<StoredSession> now = from.ask(store -> store.inspectSession(source.record().sessionId()));
    return now.isEmpty() || !Arrays.equals(SessionDigest.of(now.get()), SessionDigest.of(source));
  }

  private boolean isSame(StoredSession source) {
    Optional<StoredSession> copy = to.ask(store -> store.inspectSession(source.record().sessionId()));
    return copy.isPresent() && Arrays.equals(SessionDigest.of(copy.get()), SessionDigest.of(source))
        && Arrays.equals(SessionDigest.of(copy.get(), to), SessionDigest.of(source, from));
  }

  /** What is there already is not written again. */
  private void bringUpToDate(StoredSession source) {
    String id = source.record().sessionId();
    Optional<StoredSession> before = to.ask(store -> store.inspectSession(id));
    if (before.isEmpty()) {
      write(id, "create", () -> to.ask(store -> store.createSessionRecord(source.record(), StoreCopy.EPOCH)));
    }
    StoredSession there = before.orElse(new StoredSession(source.record(), List.of(), List.of()));
    Map<String, Long> lengths = there.transcripts().stream().collect(Collectors.toMap(Transcript::name, Transcript::length));
    source.transcripts().forEach(transcript -> append(id, transcript, lengths.getOrDefault(transcript.name(), -1L)));
    Set<StoredFile> files = new HashSet<>(there.files());
    source.files().stream().filter(file -> !files.contains(file)).forEach(file -> replace(id, file));
    Set<String> paths = source.files().stream().map(StoredFile::path).collect(Collectors.toSet());
    there.files().stream().map(StoredFile::path).filter(path -> !paths.contains(path)).forEach(path ->
        write(id, "change", () -> to.ask(store -> store.deleteSessionFile(id, StoreCopy.EPOCH, path))));
    if (!Arrays.equals(SessionDigest.of(there.record()), SessionDigest.of(source.record()))) {
      write(id, "change", () -> to.ask(store -> store.updateSessionRecord(source.record(), StoreCopy.EPOCH)));
    }
  }

  /** @param stored bytes of it that are there, or -1 */
  private void append(String id, Transcript transcript, long stored) {
    long at = Math.max(0, stored);
    boolean missing = stored < 0;
    while (missing || at < transcript.length()) {
      long offset = at;
      int length = (int) Math.min(SessionDigest.CHUNK_BYTES, transcript.length() - at);
      Buffer chunk = length == 0 ? Buffer.buffer() : from.ask(store -> store.readTranscript(id, transcript.name(), offset, length));
      write(id, "change", () -> to.ask(store -> store.saveTranscript(id, StoreCopy.EPOCH, transcript.name(), offset, chunk)));
      missing = false;
      at += chunk.length();
      if (chunk.length() < length) {
        return;
      }
    }
  }

  private void replace(String id, StoredFile file) {
    if (file.size() > LARGE_FILE_BYTES) {
      large.lock();
    }
    try {
      Buffer content = from.ask(store -> store.readWorkspaceFile(id, file.path(), 0, (int) file.size()));
      write(id, "change",
          () -> to.ask(store -> store.saveWorkspaceFile(id, StoreCopy.EPOCH, file.path(), file.modifiedAt(), content)));
    } finally {
      if (large.isHeldByCurrentThread()) {
        large.unlock();
      }
    }
  }

  private static void write(String id, String what, Runnable write) {
    try {
      write.run();
    } catch (PersistenceException e) {
      if (e.kind() == PersistenceException.Kind.STALE_OWNER || e.kind() == PersistenceException.Kind.CONFLICT) {
        throw new CopyException(Reason.TARGET_IN_USE, "Could not " + what + " session " + id
            + " in the target: it is there, and a server has used it. Nothing of it was overwritten.");
      }
      throw e;
    }
  }
}
