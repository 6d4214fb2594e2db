package dev.agentruntime.sandbox;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/**
 * A place where an agent runs: a workspace, a home, processes. Threading as {@link SandboxProvider}.
 */
public interface Sandbox {

  String id();

  /** Absolute path, as processes in the sandbox see it. */
  String workspace();

  /** Absolute path, as processes in the sandbox see it. The agent's private files; not part of the workspace. */
  String home();

  SandboxFiles files();

  /**
   * Absolute path of the folder where these files lie since the sandbox was made; {@code null} if they do not, or others do: then who needs
   * them brings them.
   */
  default String supplied(SuppliedFiles files) {
    return null;
  }

  /** Epoch milliseconds from which on nothing new should be begun in it, because it will end; {@link Long#MAX_VALUE} if it does not. */
  default long renewAt() {
    return Long.MAX_VALUE;
  }

  /**
   * Starts a process in the workspace that outlives this runtime if need be. Its output goes to a file in the sandbox, its input comes
   * through a pipe there that stays open. What it started and left behind is killed when it ends.
   *
   * @param processId a {@linkplain #newProcessId new} one, so that the process is found also when its start was never answered
   */
  Future<SandboxProcess> start(String processId, ProcessSpec spec);

  /** As {@link #start(String, ProcessSpec)}, under an id that only the answer tells. */
  default Future<SandboxProcess> start(ProcessSpec spec) {
    return start(newProcessId(), spec);
  }

  /** As {@link #start(String, ProcessSpec)}, with files that are written before. */
  default Future<SandboxProcess> start(String processId, ProcessSpec spec, List<SandboxFiles.FileContent> files) {
    return files().write(files).compose(v -> start(processId, spec));
  }

  /** An id for a process, unlike any other. */
  static String newProcessId() {
    return UUID.randomUUID().toString().replace("-", "").substring(0, 20);
  }

  /**
   * Takes hold of a process that an earlier runtime {@linkplain #start started}. Succeeds also for a process that has ended, so that the
   * rest of its output can be read; fails with {@link SandboxException.Kind#GONE} if it was never there.
   */
  Future<SandboxProcess> attach(String processId);

  /**
   * Runs a command, with nothing on its standard input, and gives what it printed (the last 64 KiB of each stream). After {@code timeout} it
   * is killed with everything that it started, and its exit code is 137.
   */
  Future<Completed> run(ProcessSpec spec, Duration timeout);

  /**
   * Tells of changes in the workspace, within a second, until the sandbox ends. A change is told by path only, may be told more than once,
   * and may be missed: {@link SandboxFiles#list} is the truth.
   *
   * @param changes called on any thread
   */
  void watch(Handler<FileHint> changes);

  /** Lets go of it and leaves all that runs in it; who wants it back {@linkplain SandboxProvider#attach attaches} to it. */
  default Future<Void> release() {
    return Future.succeededFuture();
  }

  /** Ends every process and removes everything. Confirmed when the future succeeds. Succeeds also if it is gone already. */
  Future<Void> terminate();

  record Completed(int exitCode, String stdout, String stderr) {}

  /**
   * The file at {@code path} (relative to the workspace, {@code ""} for any number of files anywhere) may have changed, come or gone.
   */
  record FileHint(String path) {}
}
