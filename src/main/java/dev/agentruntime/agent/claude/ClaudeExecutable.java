package dev.agentruntime.agent.claude;

import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * Finds the CLI on this machine: where the setting {@code claude.command} says, else on the search path, else where it was installed before;
 * else it is installed, once, for all who ask meanwhile.
 *
 * <p>Thread-safe.
 */
public final class ClaudeExecutable {

  private final Settings settings;
  private final List<Path> searchPath;
  private final NpmInstallation installation;

  /** The installation that runs, and who is told of its progress. */
  private Future<String> installing;
  private final List<Consumer<String>> listeners = new CopyOnWriteArrayList<>();

  /** @param searchPath folders between {@link File#pathSeparator}s; {@code null} for none */
  public ClaudeExecutable(Settings settings, String searchPath) {
    this.settings = settings;
    this.searchPath = searchPath == null ? List.of()
        : List.of(searchPath.split(File.pathSeparator)).stream().filter(folder -> !folder.isBlank()).map(Path::of).toList();
    this.installation = new NpmInstallation(settings.dataDir().toAbsolutePath().normalize().resolve("agents"),
        settings.claude().version(), settings.sandbox().startTimeoutMs(), onPath("npm"));
  }

  /**
   * The absolute path of the CLI.
   *
   * @param progress told what is being done; called on any thread
   * @return fails with an {@link ApiException} that says what to do
   */
  public Future<String> locate(Consumer<String> progress) {
    Promise<String> found = Promise.promise();
    Thread.startVirtualThread(() -> {
      try {
        Path there = configured();
        there = there == null ? onPath("claude") : there;
        there = there == null ? installation.installed() : there;
        (there == null ? install(progress) : Future.succeededFuture(there.toString())).onComplete(found);
      } catch (RuntimeException e) {
        found.fail(e);
      }
    });
    return found.future();
  }

  private Path configured() {
    String command = settings.claude().command();
    if (command == null || command.isBlank()) {
      return null;
    }
    Path path = command.contains("/") ? executable(Path.of(command).toAbsolutePath()) : onPath(command);
    if (path == null) {
      throw new ApiException(ErrorCode.SANDBOX_FAILED, "The executable that the setting claude.command (AGENT_RUNTIME_CLAUDE_COMMAND) names"
          + " does not exist or cannot be run. Correct the setting, or leave it empty to have Claude Code installed.");
    }
    return path;
  }

  private Path onPath(String name) {
    for (Path folder : searchPath) {
      Path path = executable(folder.resolve(name).toAbsolutePath());
      if (path != null) {
        return path;
      }
    }
    return null;
  }

  private static Path executable(Path path) {
    return Files.isRegularFile(path) && Files.isExecutable(path) ? path : null;
  }

  private synchronized Future<String> install(Consumer<String> progress) {
    listeners.add(progress);
    if (installing == null) {
      Promise<String> promise = Promise.promise();
      installing = promise.future();
      Thread.ofPlatform().daemon().name("claude-install").start(() -> {
        try {
          Path path = installation.install(line -> listeners.forEach(listener -> listener.accept(line)));
          ended();
          promise.complete(path.toString());
        } catch (RuntimeException e) {
          ended();
          promise.fail(e);
        }
      });
    }
    return installing;
  }

  private synchronized void ended() {
    installing = null;
    listeners.clear();
  }
}
