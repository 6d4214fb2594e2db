package dev.agentruntime.session;

import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;

/** Writes files into a sandbox in few calls, and holds few bytes at once. Runs on the session's own context and awaits there. */
final class FileBatch {

  private static final int BYTES = 8 << 20;

  private final Sandbox sandbox;
  private List<FileContent> files = new ArrayList<>();
  private long bytes;

  FileBatch(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  void add(FileContent file) {
    files.add(file);
    bytes += file.content().length();
    if (bytes > BYTES) {
      write();
    }
  }

  /** Writes what has gathered. */
  void write() {
    if (!files.isEmpty()) {
      List<FileContent> batch = files;
      files = new ArrayList<>();
      bytes = 0;
      Future.await(sandbox.files().write(batch));
    }
  }
}
