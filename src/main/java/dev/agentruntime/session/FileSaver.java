package dev.agentruntime.session;

import dev.agentruntime.config.Settings;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

/**
 * Saves the files of one session from its sandbox: what has changed, small ones many at once, and no more than may be stored. A file may
 * grow while it is read, without end. Belongs to the session's own context; one call at a time, except where it says otherwise.
 */
final class FileSaver {

  private static final int READ_CHUNK_BYTES = 4 << 20;
  private static final int SMALL_BYTES = 256 << 10;

  private final Mailbox mailbox;
  private final Session session;
  private final SessionStore store;
  private final Settings.Workspace settings;
  private final Supplier<Sandbox> sandbox;
  private final Set<String> unsaved = new LinkedHashSet<>();
  private final Set<String> unsavedDeletions = new LinkedHashSet<>();
  /** Bytes by path. */
  private final Map<String, Long> stored = new HashMap<>();
  private long storedBytes;
  private boolean toldOfNoRoom;

  /** @param sandbox gives the one there is, or {@code null} */
  FileSaver(Mailbox mailbox, Session session, SessionStore store, Settings.Workspace settings, Supplier<Sandbox> sandbox) {
    this.mailbox = mailbox;
    this.session = session;
    this.store = store;
    this.settings = settings;
    this.sandbox = sandbox;
  }

  /** What the store has. */
  void stored(List<StoredSession.StoredFile> files) {
    files.forEach(file -> count(file.path(), file.size()));
  }

  /** At any time. */
  boolean hasUnsaved() {
    return !unsaved.isEmpty() || !unsavedDeletions.isEmpty();
  }

  /** At any time: it has to be saved. */
  void changed(String path) {
    unsaved.add(path);
    unsavedDeletions.remove(path);
  }

  /** At any time: it has to be erased. */
  void deleted(String path) {
    unsaved.remove(path);
    unsavedDeletions.add(path);
  }

  /** At any time. @throws ApiException if a file of that size may not be stored at that path, with all the others */
  void requireRoom(String path, long size) {
    if (!hasRoom(path, size)) {
      throw new ApiException(ErrorCode.PAYLOAD_TOO_LARGE, noRoom());
    }
  }

  /** At any time: the store has no such file. */
  void erased(String path) {
    unsavedDeletions.remove(path);
    uncount(path);
  }

  /** Stores a file as it was given. */
  Future<Void> keep(String path, long modifiedAt, Buffer content) {
    return store.file(path, modifiedAt, content).onSuccess(v -> {
      unsaved.remove(path);
      count(path, content.length());
    });
  }

  /** Saves what has changed. What could not be saved stays to be saved. */
  Future<Void> save() {
    Future<Void> saved = Future.succeededFuture();
    for (String path : List.copyOf(unsavedDeletions)) {
      saved = saved.compose(v -> store.deleteFile(path)).onSuccess(v -> erased(path));
    }
    List<WorkspaceFile> small = new ArrayList<>();
    for (String path : List.copyOf(unsaved)) {
      WorkspaceFile file = session.file(path);
      if (file != null && file.size() <= SMALL_BYTES) {
        small.add(file);
      } else {
        saved = saved.compose(v -> save(path));
      }
    }
    for (List<WorkspaceFile> batch : batches(small, WorkspaceFile::size)) {
      saved = saved.compose(v -> save(batch));
    }
    return saved;
  }

  /** Saves one that is not small, or has just been written. */
  Future<Void> save(String path) {
    WorkspaceFile file = session.file(path);
    if (sandbox.get() == null || file == null || file.size() > settings.maxFileBytes() || !roomOrTold(path, file.size())) {
      unsaved.remove(path);
      return Future.succeededFuture();
    }
    return readAll(SandboxPath.workspace(path), Buffer.buffer()).transform(read -> mailbox.call(() -> {
      if (read.failed()) {
        return isGone(read.cause()) ? Future.failedFuture(read.cause()) : Future.succeededFuture();
      }
      if (read.result().length() > settings.maxFileBytes()) {
        // It has grown meanwhile, which is told when it is looked at again.
        unsaved.remove(path);
        return Future.succeededFuture();
      }
      return store(file, read.result());
    }));
  }

  /** Many small ones, read at once. */
  private Future<Void> save(List<WorkspaceFile> files) {
    if (sandbox.get() == null) {
      return Future.succeededFuture();
    }
    List<SandboxPath> paths = files.stream().map(file -> SandboxPath.workspace(file.path())).toList();
    return sandbox.get().files().readAll(paths, SMALL_BYTES + 1).compose(read -> mailbox.call(() -> {
      Future<Void> saved = Future.succeededFuture();
      for (int i = 0; i < files.size(); i++) {
        WorkspaceFile file = files.get(i);
        Buffer content = read.get(i);
        if (content != null) {
          // One that has grown meanwhile is read by itself.
          saved = saved.compose(v -> content.length() > SMALL_BYTES ? save(file.path()) : store(file, content));
        }
      }
      return saved;
    }));
  }

  private Future<Void> store(WorkspaceFile file, Buffer content) {
    if (!roomOrTold(file.path(), content.length())) {
      unsaved.remove(file.path());
      return Future.succeededFuture();
    }
    return store.file(file.path(), file.modifiedAt(), content).onSuccess(v -> {
      count(file.path(), content.length());
      if (file.equals(session.file(file.path()))) {
        unsaved.remove(file.path());
      }
    });
  }

  /** @return the file, or its beginning if it is larger than one may be that is stored */
  private Future<Buffer> readAll(SandboxPath path, Buffer sofar) {
    return sandbox.get().files().read(path, sofar.length(), READ_CHUNK_BYTES).compose(chunk -> mailbox.call(() -> {
      sofar.appendBuffer(chunk);
      return chunk.length() < READ_CHUNK_BYTES || sofar.length() > settings.maxFileBytes() || sandbox.get() == null
          ? Future.succeededFuture() : readAll(path, sofar).mapEmpty();
    })).map(v -> sofar);
  }

  private boolean hasRoom(String path, long size) {
    return storedBytes - stored.getOrDefault(path, 0L) + size <= settings.maxTotalBytes();
  }

  private boolean roomOrTold(String path, long size) {
    if (hasRoom(path, size)) {
      return true;
    }
    if (!toldOfNoRoom) {
      toldOfNoRoom = true;
      session.apply(new SessionEvent.ErrorEvent(ErrorCode.PAYLOAD_TOO_LARGE, noRoom()));
    }
    return false;
  }

  private String noRoom() {
    return "The stored files of a session have at most " + settings.maxTotalBytes()
        + " bytes (the setting workspace.maxTotalBytes). What is beyond that is not stored: it is lost with the sandbox.";
  }

  private void count(String path, long size) {
    uncount(path);
    stored.put(path, size);
    storedBytes += size;
  }

  private void uncount(String path) {
    Long size = stored.remove(path);
    storedBytes -= size == null ? 0 : size;
  }

  static boolean isGone(Throwable failure) {
    return failure instanceof SandboxException e && e.kind() == SandboxException.Kind.GONE;
  }

  /** Parts of a list that are not too large to be held at once. */
  static <T> List<List<T>> batches(List<T> all, ToLongFunction<T> size) {
    List<List<T>> batches = new ArrayList<>();
    long bytes = 0;
    for (T each : all) {
      if (batches.isEmpty() || bytes + size.applyAsLong(each) > READ_CHUNK_BYTES) {
        batches.add(new ArrayList<>());
        bytes = 0;
      }
      batches.getLast().add(each);
      bytes += size.applyAsLong(each);
    }
    return batches;
  }
}
