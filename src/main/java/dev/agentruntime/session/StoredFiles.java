package dev.agentruntime.session;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.List;

/** Puts the stored workspace into a new sandbox. Runs on the session's own context and awaits there. */
final class StoredFiles {

  private final Session session;
  private final SessionStore store;

  StoredFiles(Session session, SessionStore store) {
    this.session = session;
    this.store = store;
  }

  void restore(Sandbox sandbox, Steps steps) {
    FileBatch batch = new FileBatch(sandbox, steps);
    for (WorkspaceFile file : List.copyOf(session.files())) {
      Buffer content = read(store, file);
      if (content != null) {
        batch.add(new FileContent(SandboxPath.workspace(file.path()), content, false, file.modifiedAt()));
      }
    }
    batch.write();
  }

  /** @return {@code null} for a file that was never stored, being too large, or lost before it could be */
  static Buffer read(SessionStore store, WorkspaceFile file) {
    try {
      return file.size() == 0 ? Buffer.buffer() : Future.await(store.readFile(file.path(), 0, (int) file.size()));
    } catch (PersistenceException e) {
      if (e.kind() == PersistenceException.Kind.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }
}
