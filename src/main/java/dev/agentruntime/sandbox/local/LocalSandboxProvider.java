package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxProvider;
import dev.agentruntime.sandbox.SandboxSpec;
import dev.agentruntime.sandbox.local.SandboxDirectory.Facts;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sandboxes that are directories of this machine and processes of this server's user.
 *
 * <p><b>They isolate nothing.</b> An agent can read and change whatever the server's user can, reach every network that the machine reaches,
 * and use all of its memory and disk. That suits a developer's own machine, and a machine or container that has nothing else on it.
 *
 * <p>Agents outlive the server: each is led by a shell in a session of its own, writes to a file and reads from a named pipe. Those whose
 * server was killed go on, and are found by {@link #list} and {@link #attach}. Ending a process ends what it started; ending a sandbox ends
 * everything that carries its mark in the environment, whatever its process group, session or parent. Only a process that has thrown that
 * mark away <em>and</em> left group, session and parent is not found. Processes that end as nobody's children are reaped by process 1: a
 * container needs an init there.
 *
 * <p>File names are UTF-8, and so must be the server's locale; names that it cannot say are counted as unreadable.
 */
public final class LocalSandboxProvider implements SandboxProvider {

  private static final Logger log = LoggerFactory.getLogger(LocalSandboxProvider.class);

  /** A directory that says nothing of itself is one that is being made, or what is left of one; after this time it is the latter. */
  private static final Duration REMAINS_AGE = Duration.ofMinutes(1);

  private final Path directory;
  private final LocalSandboxOptions options;
  private final Map<String, LocalSandbox> sandboxes = new ConcurrentHashMap<>();
  private final Workers workers;
  private final Reaper reaper;
  private volatile DirectoryWatch watch;
  /** {@code directory} without links, which is what paths in it are compared with. */
  private volatile Path root;

  /** @param directory of its own, made if need be */
  public LocalSandboxProvider(Path directory) {
    this(directory, LocalSandboxOptions.defaults());
  }

  public LocalSandboxProvider(Path directory, LocalSandboxOptions options) {
    this.directory = directory;
    this.options = options;
    this.workers = new Workers(options);
    this.reaper = new Reaper(ProcessTable.open(options.procfs()), options.killTimeoutMs());
  }

  @Override
  public String name() {
    return "local";
  }

  @Override
  public Future<Void> start() {
    return workers.call(() -> {
      root = Files.createDirectories(directory, SandboxDirectory.OWNER_ONLY).toRealPath();
      checkLocale();
      watch = DirectoryWatch.open(root, options.fileEvents());
      removeRemains();
      workers.every(options.checkIntervalMs(), () -> sandboxes.values().forEach(this::checkAll));
      return null;
    });
  }

  @Override
  public Future<Sandbox> create(SandboxSpec spec, Consumer<String> progress) {
    return workers.call(() -> {
      progress.accept("Making the workspace");
      SandboxDirectory directory = directory(SandboxDirectory.newId());
      try {
        directory.create(Facts.of(spec));
      } catch (IOException | RuntimeException e) {
        TreeRemover.remove(directory.path());
        throw e;
      }
      return sandbox(directory, spec.ignoredNames());
    });
  }

  @Override
  public Future<Sandbox> attach(String sandboxId, long term) {
    return workers.call(() -> {
      if (!SandboxDirectory.isId(sandboxId)) {
        throw gone();
      }
      SandboxDirectory directory = directory(sandboxId);
      return sandbox(directory, directory.readFacts().orElseThrow(LocalSandboxProvider::gone).ignoredNames());
    });
  }

  @Override
  public Future<List<SandboxInfo>> list() {
    return workers.call(() -> {
      List<SandboxInfo> found = new ArrayList<>();
      for (SandboxDirectory directory : directories()) {
        Optional<Facts> facts = directory.readFactsOfRemains();
        facts.ifPresent(known -> found.add(new SandboxInfo(directory.id(), known.sessionId(), known.createdAt(), known.creationId())));
      }
      return found;
    });
  }

  @Override
  public Future<Void> terminate(String sandboxId) {
    if (!SandboxDirectory.isId(sandboxId)) {
      return Future.succeededFuture();
    }
    return workers.call(() -> {
      SandboxDirectory directory = directory(sandboxId);
      return sandbox(directory, directory.readFacts().map(Facts::ignoredNames).orElse(List.of()));
    }).compose(LocalSandbox::terminate);
  }

  @Override
  public Future<Void> close() {
    return workers.call(() -> {
      sandboxes.values().forEach(sandbox -> sandbox.processes().forEach(LocalProcess::stopReading));
      if (watch != null) {
        watch.close();
      }
      workers.close();
      return null;
    });
  }

  private SandboxDirectory directory(String sandboxId) {
    return new SandboxDirectory(sandboxId, root.resolve(sandboxId));
  }

  private LocalSandbox sandbox(SandboxDirectory directory, List<String> ignoredNames) {
    return sandboxes.computeIfAbsent(directory.id(), id ->
        new LocalSandbox(directory, ignoredNames, options, workers, watch, reaper, () -> sandboxes.remove(id)));
  }

  private List<SandboxDirectory> directories() throws IOException {
    List<SandboxDirectory> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root)) {
      for (Path entry : entries) {
        if (SandboxDirectory.isId(entry.getFileName().toString())) {
          found.add(directory(entry.getFileName().toString()));
        }
      }
    }
    return found;
  }

  /** Of sandboxes whose making or ending was cut short. */
  private void removeRemains() throws IOException {
    long before = System.currentTimeMillis() - REMAINS_AGE.toMillis();
    for (SandboxDirectory directory : directories()) {
      boolean isLeft = Files.exists(directory.ended()) || Files.getLastModifiedTime(directory.path()).toMillis() < before;
      if (isLeft && !Files.exists(directory.facts())) {
        log.info("removing what is left of sandbox {}", directory.id());
        TreeRemover.remove(directory.path());
      }
    }
  }

  private static void checkLocale() {
    try {
      Path.of("\u00e4\u2603");
    } catch (InvalidPathException e) {
      log.warn("the locale is not a UTF-8 one, so files with names beyond ASCII cannot be used; start the server with LC_ALL=C.UTF-8");
    }
  }

  private void checkAll(LocalSandbox sandbox) {
    sandbox.processes().forEach(LocalProcess::check);
  }

  private static SandboxException gone() {
    return new SandboxException(Kind.GONE, "the sandbox has ended");
  }
}
