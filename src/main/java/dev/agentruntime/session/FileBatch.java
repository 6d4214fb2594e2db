package dev.agentruntime.session;

import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import java.util.ArrayList;
import java.util.List;

/** Writes files into a sandbox in few calls, and holds few bytes at once. Runs on the session's own context and awaits there. */
final class FileBatch {

  private static final int BYTES = 8 << 20;

  private final Sandbox sandbox;
  private final Steps steps;
  private List<FileContent> files = new ArrayList<>();
  private long bytes;

  /** @param steps of which each call is one */
  FileBatch(Sandbox sandbox, Steps steps) {
    this.sandbox = sandbox;
    this.steps = steps;
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
      steps.await(sandbox.files().write(batch));
    }
  }
}
