package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.sandbox.SandboxProcess.Signal;
import dev.agentruntime.sandbox.local.Reaper.Family;
import dev.agentruntime.sandbox.local.Reaper.Keeper;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A directory of this machine, and the processes that were started for it. */
final class LocalSandbox implements Sandbox {

  private static final int RUN_OUTPUT_BYTES = 64 * 1024;

  private final SandboxDirectory directory;
  private final LocalSandboxOptions options;
  private final Workers workers;
  private final DirectoryWatch watch;
  private final Reaper reaper;
  private final Launcher launcher;
  private final LocalFiles files;
  private final WorkspaceWatch workspaceWatch;
  private final Map<String, LocalProcess> processes = new ConcurrentHashMap<>();
  private final Runnable onTerminated;
  private volatile boolean terminated;

  /** @param onTerminated called when nothing is left of it */
  LocalSandbox(SandboxDirectory directory, List<String> ignoredNames, LocalSandboxOptions options, Workers workers, DirectoryWatch watch,
      Reaper reaper, Runnable onTerminated) {
    this.directory = directory;
    this.options = options;
    this.workers = workers;
    this.watch = watch;
    this.reaper = reaper;
    this.launcher = new Launcher(directory, reaper);
    this.files = new LocalFiles(directory, Set.copyOf(ignoredNames), workers, () -> terminated);
    this.workspaceWatch =
        new WorkspaceWatch(directory.workspace(), Set.copyOf(ignoredNames), options, workers, watch, () -> !processes.isEmpty());
    this.onTerminated = onTerminated;
  }

  @Override
  public String id() {
    return directory.id();
  }

  @Override
  public String workspace() {
    return directory.workspace().toString();
  }

  @Override
  public String home() {
    return directory.home().toString();
  }

  @Override
  public SandboxFiles files() {
    return files;
  }

  @Override
  public Future<SandboxProcess> start(String processId, ProcessSpec spec) {
    return workers.call(() -> launch(processId, spec, true));
  }

  @Override
  public Future<SandboxProcess> attach(String processId) {
    return workers.call(() -> {
      checkThere();
      if (!SandboxDirectory.isId(processId)) {
        throw noProcess();
      }
      LocalProcess known = processes.get(processId);
      return known != null ? known : reattach(directory.process(processId));
    });
  }

  @Override
  public Future<Completed> run(ProcessSpec spec, Duration timeout) {
    return workers.call(() -> launch(Sandbox.newProcessId(), spec, false)).compose(process -> {
      workers.after(timeout.toMillis(), () -> {
        if (!process.ended()) {
          process.signal(Signal.KILL);
        }
      });
      return process.exit().compose(code -> workers.call(() -> completed(process.directory(), code)));
    });
  }

  @Override
  public void watch(Handler<FileHint> changes) {
    workspaceWatch.add(changes);
  }

  @Override
  public Future<Void> terminate() {
    return workers.end(() -> {
      end();
      return null;
    });
  }

  Collection<LocalProcess> processes() {
    return processes.values();
  }

  private LocalProcess launch(String processId, ProcessSpec spec, boolean withInput) throws IOException {
    checkThere();
    ProcessDirectory process = directory.process(processId);
    process.create();
    try {
      return follow(process, launcher.launch(process, spec, withInput), true);
    } catch (IOException | RuntimeException e) {
      TreeRemover.remove(process.path());
      throw e;
    } finally {
      if (terminated) {
        // It may have been started after the others were ended.
        end();
      }
    }
  }

  private synchronized LocalProcess reattach(ProcessDirectory process) throws IOException {
    LocalProcess known = processes.get(process.id());
    return known != null ? known : follow(process, process.readKeeper().orElseThrow(LocalSandbox::noProcess), false);
  }

  private LocalProcess follow(ProcessDirectory process, Keeper keeper, boolean justStarted) {
    LocalProcess followed = new LocalProcess(process, keeper, justStarted, watch, options.outputPollMs(), workers, reaper);
    processes.put(process.id(), followed);
    followed.exit().onComplete(exit -> {
      processes.remove(process.id(), followed);
      workspaceWatch.processEnded();
    });
    followed.follow();
    return followed;
  }

  private Completed completed(ProcessDirectory process, int code) throws IOException {
    checkThere();
    String out = ProcessDirectory.tail(process.out(), RUN_OUTPUT_BYTES);
    String err = ProcessDirectory.tail(process.err(), RUN_OUTPUT_BYTES);
    TreeRemover.remove(process.path());
    return new Completed(code, out, err);
  }

  private synchronized void end() throws IOException {
    terminated = true;
    workspaceWatch.close();
    processes.values().forEach(LocalProcess::doom);
    reaper.end(Family.ofSandbox(id(), keepers()));
    processes.values().forEach(LocalProcess::killed);
    if (Files.isDirectory(directory.path(), LinkOption.NOFOLLOW_LINKS)) {
      directory.markEnded();
      removeAll();
    }
    TreeRemover.remove(directory.path());
    onTerminated.run();
  }

  private List<Keeper> keepers() throws IOException {
    List<Keeper> keepers = new ArrayList<>();
    for (ProcessDirectory process : directory.processes()) {
      process.readKeeper().ifPresent(keepers::add);
    }
    return keepers;
  }

  /** What says that something is left goes last, so that an end that was cut short can be taken up again. */
  private void removeAll() throws IOException {
    try (DirectoryStream<Path> parts = Files.newDirectoryStream(directory.path())) {
      for (Path part : parts) {
        if (!part.equals(directory.ended())) {
          TreeRemover.remove(part);
        }
      }
    }
  }

  private void checkThere() {
    if (terminated || !Files.exists(directory.facts())) {
      throw new SandboxException(Kind.GONE, "the sandbox has ended");
    }
  }

  private static SandboxException noProcess() {
    return new SandboxException(Kind.GONE, "there is no such process in the sandbox");
  }
}
