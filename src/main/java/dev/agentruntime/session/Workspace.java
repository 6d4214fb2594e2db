package dev.agentruntime.session;

import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.protocol.WorkspaceFile.Encoding;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of one session: told as events when they change in the sandbox, saved to the store, served from wherever they are. Belongs to
 * the session's own context; one examination of the sandbox at a time.
 */
final class Workspace {

  private static final Logger log = LoggerFactory.getLogger(Workspace.class);
  private static final long HINT_DELAY_MS = 50;
  private static final int MANY_HINTS = 64;
  private static final int READ_CHUNK_BYTES = 4 << 20;

  private final Vertx vertx;
  private final Mailbox mailbox;
  private final Session session;
  private final SessionStore store;
  private final Settings.Workspace settings;
  private final Set<String> hinted = new LinkedHashSet<>();
  private final Set<String> unsaved = new LinkedHashSet<>();
  private final Set<String> unsavedDeletions = new LinkedHashSet<>();
  private final Map<String, Integer> inlined = new HashMap<>();
  private long inlinedBytes;
  private Sandbox sandbox;
  private boolean examinationPlanned;
  private Future<Void> last = Future.succeededFuture();

  Workspace(Vertx vertx, Mailbox mailbox, Session session, SessionStore store, Settings.Workspace settings) {
    this.vertx = vertx;
    this.mailbox = mailbox;
    this.session = session;
    this.store = store;
    this.settings = settings;
  }

  /** From now on the files are those of {@code attached}. */
  Future<Void> attach(Sandbox attached) {
    sandbox = attached;
    attached.watch(hint -> mailbox.run(() -> hint(attached, hint.path())));
    return reconcile();
  }

  void detach() {
    sandbox = null;
    hinted.clear();
  }

  boolean hasUnsaved() {
    return !unsaved.isEmpty() || !unsavedDeletions.isEmpty();
  }

  /** Makes the session's files exactly what is in the sandbox. */
  Future<Void> reconcile() {
    return inOrder(this::compareAll);
  }

  /** Saves what has changed. What could not be saved stays to be saved. */
  Future<Void> save() {
    return inOrder(() -> {
      Future<Void> saved = Future.succeededFuture();
      for (String path : List.copyOf(unsavedDeletions)) {
        saved = saved.compose(v -> store.deleteFile(path)).onSuccess(v -> unsavedDeletions.remove(path));
      }
      for (String path : List.copyOf(unsaved)) {
        saved = saved.compose(v -> save(path));
      }
      return saved;
    });
  }

  Future<Buffer> read(String path, long offset, int length) {
    known(path);
    return sandbox == null ? store.readFile(path, offset, length) : sandbox.files().read(SandboxPath.workspace(path), offset, length);
  }

  /** @return true if the file is new */
  Future<Boolean> write(String path, Buffer content) {
    SandboxPath target = allowed(path);
    boolean isNew = session.file(path) == null;
    if (content.length() > settings.maxFileBytes()) {
      throw new ApiException(ErrorCode.PAYLOAD_TOO_LARGE, "A workspace file has at most " + settings.maxFileBytes() + " bytes.");
    }
    return inOrder(() -> {
      long now = System.currentTimeMillis();
      if (sandbox == null) {
        return store.file(path, now, content).onSuccess(v -> tell(path, content.length(), now, content)).mapEmpty();
      }
      return sandbox.files().write(List.of(new SandboxFiles.FileContent(target, content, false, now)))
          .compose(v -> compare(path)).compose(v -> save(path));
    }).map(v -> isNew);
  }

  Future<Void> delete(String path) {
    known(path);
    return inOrder(() -> {
      Future<Void> gone = sandbox == null ? Future.succeededFuture() : sandbox.files().delete(SandboxPath.workspace(path));
      return gone.compose(v -> onContext(() -> store.deleteFile(path))).onSuccess(v -> {
        forget(path);
        unsavedDeletions.remove(path);
      });
    });
  }

  WorkspaceFile known(String path) {
    allowed(path);
    WorkspaceFile file = session.file(path);
    if (file == null) {
      throw new ApiException(ErrorCode.FILE_NOT_FOUND, "There is no such file in the workspace.");
    }
    return file;
  }

  private SandboxPath allowed(String path) {
    try {
      SandboxPath resolved = SandboxPath.workspace(path);
      for (String part : path.split("/")) {
        if (settings.ignore().contains(part)) {
          throw new ApiException(ErrorCode.INVALID_REQUEST, "Files in " + part + " are not part of the workspace.");
        }
      }
      if (!path.isEmpty()) {
        return resolved;
      }
    } catch (SandboxException e) {
      log.debug("refused a path", e);
    }
    throw new ApiException(ErrorCode.INVALID_REQUEST, "The path is not one of a file inside the workspace.");
  }

  private void hint(Sandbox from, String path) {
    if (from != sandbox) {
      return;
    }
    hinted.add(path);
    if (!examinationPlanned) {
      examinationPlanned = true;
      vertx.setTimer(HINT_DELAY_MS, timer -> mailbox.run(() -> {
        examinationPlanned = false;
        inOrder(this::examineHinted).onFailure(e -> log.warn("could not look at changed files: {}", e.toString()));
      }));
    }
  }

  private Future<Void> examineHinted() {
    List<String> paths = List.copyOf(hinted);
    hinted.clear();
    if (paths.contains("") || paths.size() > MANY_HINTS) {
      return compareAll();
    }
    Future<Void> examined = Future.succeededFuture();
    for (String path : paths) {
      examined = examined.compose(v -> compare(path));
    }
    return examined;
  }

  private Future<Void> compareAll() {
    if (sandbox == null) {
      return Future.succeededFuture();
    }
    return sandbox.files().list(SandboxPath.workspace("")).compose(listing -> onContext(() -> {
      Map<String, SandboxFiles.Entry> found = new HashMap<>();
      listing.files().forEach(entry -> found.put(entry.path(), entry));
      Future<Void> told = Future.succeededFuture();
      for (WorkspaceFile file : List.copyOf(session.files())) {
        if (!found.containsKey(file.path())) {
          told = listing.unreadable() == 0 ? told.onSuccess(v -> forget(file.path())) : told.compose(v -> forgetIfGone(file.path()));
        }
      }
      for (SandboxFiles.Entry entry : listing.files()) {
        told = told.compose(v -> look(entry));
      }
      return told;
    }));
  }

  private Future<Void> compare(String path) {
    if (sandbox == null) {
      return Future.succeededFuture();
    }
    return sandbox.files().stat(SandboxPath.workspace(path)).transform(stat -> onContext(() -> {
      if (stat.succeeded()) {
        return look(stat.result());
      }
      if (!isNoFile(stat.cause())) {
        return compareAll();
      }
      if (session.file(path) != null) {
        forget(path);
      }
      return Future.succeededFuture();
    }));
  }

  /** For a listing that could not look everywhere. */
  private Future<Void> forgetIfGone(String path) {
    return sandbox.files().stat(SandboxPath.workspace(path)).transform(stat -> onContext(() -> {
      if (stat.failed() && isNoFile(stat.cause())) {
        forget(path);
      }
      return Future.succeededFuture();
    }));
  }

  private static boolean isNoFile(Throwable failure) {
    return failure instanceof SandboxException e && e.kind() == SandboxException.Kind.NO_FILE;
  }

  private Future<Void> look(SandboxFiles.Entry entry) {
    WorkspaceFile known = session.file(entry.path());
    if (sandbox == null || known != null && known.size() == entry.size() && known.modifiedAt() == entry.modifiedAt()) {
      return Future.succeededFuture();
    }
    unsaved.add(entry.path());
    unsavedDeletions.remove(entry.path());
    if (entry.size() > settings.inlineFileBytes()) {
      release(entry.path());
      tell(entry.path(), entry.size(), entry.modifiedAt(), null);
      return Future.succeededFuture();
    }
    return sandbox.files().read(SandboxPath.workspace(entry.path()), 0, settings.inlineFileBytes()).transform(read -> onContext(() -> {
      if (read.succeeded()) {
        tell(entry.path(), read.result().length(), entry.modifiedAt(), read.result());
      }
      return Future.succeededFuture();
    }));
  }

  private void tell(String path, long size, long modifiedAt, Buffer content) {
    boolean isNew = session.file(path) == null;
    WorkspaceFile file = describe(path, size, modifiedAt, content);
    session.apply(isNew ? new SessionEvent.FileCreated(file) : new SessionEvent.FileModified(file));
  }

  private void forget(String path) {
    release(path);
    unsaved.remove(path);
    unsavedDeletions.add(path);
    session.apply(new SessionEvent.FileDeleted(path));
  }

  /** @param content {@code null} if it is not to be sent along */
  WorkspaceFile describe(String path, long size, long modifiedAt, Buffer content) {
    if (content == null || !fits(path, content.length())) {
      return new WorkspaceFile(path, size, modifiedAt, content != null && text(content) != null ? Encoding.UTF8 : Encoding.BASE64, null);
    }
    String text = text(content);
    return text == null
        ? new WorkspaceFile(path, size, modifiedAt, Encoding.BASE64, Base64.getEncoder().encodeToString(content.getBytes()))
        : new WorkspaceFile(path, size, modifiedAt, Encoding.UTF8, text);
  }

  /** Whether the content may be sent along; if so, it is counted. */
  private boolean fits(String path, int bytes) {
    release(path);
    if (bytes > settings.inlineFileBytes() || inlinedBytes + bytes > settings.inlineTotalBytes()) {
      return false;
    }
    inlined.put(path, bytes);
    inlinedBytes += bytes;
    return true;
  }

  private void release(String path) {
    Integer bytes = inlined.remove(path);
    inlinedBytes -= bytes == null ? 0 : bytes;
  }

  /** @return {@code null} if the bytes are not text */
  private static String text(Buffer content) {
    byte[] bytes = content.getBytes();
    for (byte b : bytes) {
      if (b == 0) {
        return null;
      }
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return null;
    }
  }

  private Future<Void> save(String path) {
    WorkspaceFile file = session.file(path);
    if (sandbox == null || file == null || file.size() > settings.maxFileBytes()) {
      unsaved.remove(path);
      return Future.succeededFuture();
    }
    return readAll(SandboxPath.workspace(path), Buffer.buffer()).transform(read -> onContext(() -> {
      if (read.failed()) {
        return read.cause() instanceof SandboxException e && e.kind() == SandboxException.Kind.GONE
            ? Future.failedFuture(e) : Future.succeededFuture();
      }
      return store.file(path, file.modifiedAt(), read.result()).onSuccess(v -> {
        if (file.equals(session.file(path))) {
          unsaved.remove(path);
        }
      });
    }));
  }

  private Future<Buffer> readAll(SandboxPath path, Buffer sofar) {
    return sandbox.files().read(path, sofar.length(), READ_CHUNK_BYTES).compose(chunk -> {
      sofar.appendBuffer(chunk);
      return chunk.length() < READ_CHUNK_BYTES ? Future.succeededFuture(sofar) : readAll(path, sofar);
    });
  }

  private Future<Void> inOrder(Supplier<Future<Void>> step) {
    Future<Void> next = last.transform(before -> onContext(step));
    last = next;
    return next;
  }

  /** A sandbox answers on any thread; the session's state is touched on its own. */
  private Future<Void> onContext(Supplier<Future<Void>> step) {
    return Future.future(promise -> mailbox.run(() -> {
      try {
        step.get().onComplete(done -> mailbox.run(() -> promise.handle(done)));
      } catch (Exception e) {
        promise.fail(e);
      }
    }));
  }
}
