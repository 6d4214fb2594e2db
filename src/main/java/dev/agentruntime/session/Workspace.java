package dev.agentruntime.session;

import dev.agentruntime.config.Settings;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

  private final Vertx vertx;
  private final Mailbox mailbox;
  private final Session session;
  private final SessionStore store;
  private final Settings.Workspace settings;
  private final Set<String> hinted = new LinkedHashSet<>();
  private final InlineContents contents;
  private final FileSaver saver;
  private Sandbox sandbox;
  private boolean examinationPlanned;
  private Future<Void> last = Future.succeededFuture();

  Workspace(Vertx vertx, Mailbox mailbox, Session session, SessionStore store, Settings.Workspace settings) {
    this.vertx = vertx;
    this.mailbox = mailbox;
    this.session = session;
    this.store = store;
    this.settings = settings;
    this.contents = new InlineContents(settings);
    this.saver = new FileSaver(mailbox, session, store, settings, () -> sandbox);
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

  /** What the store has. */
  void stored(List<StoredSession.StoredFile> files) {
    saver.stored(files);
  }

  boolean hasUnsaved() {
    return saver.hasUnsaved();
  }

  /** Makes the session's files exactly what is in the sandbox. */
  Future<Void> reconcile() {
    return inOrder(this::compareAll);
  }

  /** Saves what has changed. What could not be saved stays to be saved. */
  Future<Void> save() {
    return inOrder(saver::save);
  }

  Future<Buffer> read(String path, long offset, int length) {
    known(path);
    return sandbox == null ? store.readFile(path, offset, length)
        : sandbox.files().read(SandboxPath.workspace(path), offset, length)
            .recover(failure -> FileSaver.isGone(failure) ? store.readFile(path, offset, length) : Future.failedFuture(failure));
  }

  /** @return true if the file is new */
  Future<Boolean> write(String path, Buffer content) {
    SandboxPath target = FilePlaces.inside(path, settings.ignore());
    boolean isNew = session.file(path) == null;
    if (isNew && session.full() != null) {
      throw new ApiException(ErrorCode.CONFLICT, session.full());
    }
    if (content.length() > settings.maxFileBytes()) {
      throw new ApiException(ErrorCode.PAYLOAD_TOO_LARGE, "A workspace file has at most " + settings.maxFileBytes() + " bytes.");
    }
    return inOrder(() -> {
      saver.requireRoom(path, content.length());
      long now = System.currentTimeMillis();
      if (sandbox == null) {
        FilePlaces.check(path, session.paths());
        return keep(path, now, content, false);
      }
      return sandbox.files().write(List.of(new SandboxFiles.FileContent(target, content, false, now)))
          .compose(v -> compare(List.of(path))).transform(written -> mailbox.call(() -> {
            if (written.failed() && !FileSaver.isGone(written.cause())) {
              return Future.failedFuture(written.cause());
            }
            if (written.failed()) {
              FilePlaces.check(path, session.paths());
            }
            WorkspaceFile file = session.file(path);
            boolean isThere = file != null && file.modifiedAt() == now && file.size() == content.length();
            return written.failed() || sandbox == null || isThere ? keep(path, now, content, isThere) : saver.save(path);
          }));
    }).map(v -> isNew);
  }

  /** Stores what was written, be it into a sandbox or, for want of one, nowhere yet. */
  private Future<Void> keep(String path, long modifiedAt, Buffer content, boolean told) {
    return saver.keep(path, modifiedAt, content).onSuccess(v -> {
      if (!told) {
        tell(path, content.length(), modifiedAt, content);
      }
    });
  }

  Future<Void> delete(String path) {
    known(path);
    return inOrder(() -> {
      Future<Void> gone = sandbox == null ? Future.succeededFuture() : sandbox.files().delete(SandboxPath.workspace(path))
          .recover(failure -> FileSaver.isGone(failure) ? Future.succeededFuture() : Future.failedFuture(failure));
      return gone.compose(v -> mailbox.call(() -> store.deleteFile(path))).onSuccess(v -> {
        forget(path);
        saver.erased(path);
      });
    });
  }

  WorkspaceFile known(String path) {
    FilePlaces.inside(path, settings.ignore());
    WorkspaceFile file = session.file(path);
    if (file == null) {
      throw new ApiException(ErrorCode.FILE_NOT_FOUND, "There is no such file in the workspace.");
    }
    return file;
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
    return compare(paths);
  }

  private Future<Void> compareAll() {
    if (sandbox == null) {
      return Future.succeededFuture();
    }
    return sandbox.files().list(SandboxPath.workspace("")).compose(listing -> mailbox.call(() -> {
      Map<String, SandboxFiles.Entry> found = new HashMap<>();
      listing.files().forEach(entry -> found.put(entry.path(), entry));
      Future<Void> told = Future.succeededFuture();
      for (WorkspaceFile file : List.copyOf(session.files())) {
        if (!found.containsKey(file.path())) {
          told = listing.unreadable() == 0 ? told.onSuccess(v -> forget(file.path())) : told.compose(v -> forgetIfGone(file.path()));
        }
      }
      return told.compose(v -> look(listing.files()));
    }));
  }

  private Future<Void> compare(List<String> paths) {
    if (sandbox == null) {
      return Future.succeededFuture();
    }
    return sandbox.files().statAll(paths.stream().map(SandboxPath::workspace).toList()).transform(stats -> mailbox.call(() -> {
      if (stats.failed()) {
        return compareAll();
      }
      for (int i = 0; i < paths.size(); i++) {
        if (stats.result().get(i) == null && session.file(paths.get(i)) != null) {
          forget(paths.get(i));
        }
      }
      return look(stats.result().stream().filter(Objects::nonNull).toList());
    }));
  }

  /** For a listing that could not look everywhere. */
  private Future<Void> forgetIfGone(String path) {
    return sandbox.files().statAll(List.of(SandboxPath.workspace(path))).transform(stats -> mailbox.call(() -> {
      if (stats.succeeded() && stats.result().getFirst() == null) {
        forget(path);
      }
      return Future.succeededFuture();
    }));
  }

  /** Tells of those that are not as they are known, with the contents of small ones, which are read many at once. */
  private Future<Void> look(List<SandboxFiles.Entry> entries) {
    List<SandboxFiles.Entry> small = new ArrayList<>();
    for (SandboxFiles.Entry entry : entries) {
      WorkspaceFile known = session.file(entry.path());
      boolean isTold = known != null && known.size() == entry.size() && known.modifiedAt() == entry.modifiedAt();
      if (sandbox == null || isTold || known == null && session.full() != null) {
        continue;
      }
      saver.changed(entry.path());
      if (entry.size() <= settings.inlineFileBytes()) {
        small.add(entry);
      } else {
        contents.release(entry.path());
        tell(entry.path(), entry.size(), entry.modifiedAt(), null);
      }
    }
    Future<Void> told = Future.succeededFuture();
    for (List<SandboxFiles.Entry> batch : FileSaver.batches(small, SandboxFiles.Entry::size)) {
      told = told.compose(v -> tellWithContents(batch));
    }
    return told;
  }

  private Future<Void> tellWithContents(List<SandboxFiles.Entry> batch) {
    if (sandbox == null) {
      return Future.succeededFuture();
    }
    List<SandboxPath> paths = batch.stream().map(entry -> SandboxPath.workspace(entry.path())).toList();
    return sandbox.files().readAll(paths, settings.inlineFileBytes()).transform(read -> mailbox.call(() -> {
      for (int i = 0; read.succeeded() && i < batch.size(); i++) {
        Buffer content = read.result().get(i);
        if (content != null) {
          tell(batch.get(i).path(), content.length(), batch.get(i).modifiedAt(), content);
        }
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
    saver.deleted(path);
    contents.release(path);
    session.apply(new SessionEvent.FileDeleted(path));
  }

  /** @param content {@code null} if it is not to be sent along */
  WorkspaceFile describe(String path, long size, long modifiedAt, Buffer content) {
    return contents.describe(path, size, modifiedAt, content);
  }

  private Future<Void> inOrder(Supplier<Future<Void>> step) {
    Future<Void> next = last.transform(before -> mailbox.call(step));
    last = next;
    return next;
  }
}
