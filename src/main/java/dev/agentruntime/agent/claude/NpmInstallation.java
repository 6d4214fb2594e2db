package dev.agentruntime.agent.claude;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import java.io.File;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The npm package {@code @anthropic-ai/claude-code} of one version in a folder of its own. It is made beside its place and moved there when
 * it is whole, so that what is in place can be used.
 */
final class NpmInstallation {

  private static final Logger LOG = LoggerFactory.getLogger(NpmInstallation.class);
  static final String PACKAGE = "@anthropic-ai/claude-code";
  private static final String UNFINISHED = ".installing-";
  private static final long PROGRESS_INTERVAL_MS = 2_000;
  private static final int SHOWN_OUTPUT_CHARS = 2_000;

  private static final String WHAT_TO_DO = " Install Claude Code (npm install -g " + PACKAGE + "), or set AGENT_RUNTIME_CLAUDE_COMMAND to"
      + " where it is, or use the profile \"demo\", which does not need it.";

  private final Path folder;
  private final String version;
  private final long timeoutMs;
  private final Path npm;

  /**
   * @param folder of all installations
   * @param timeoutMs for the whole installation
   * @param npm the executable, or {@code null} if there is none
   */
  NpmInstallation(Path folder, String version, long timeoutMs, Path npm) {
    this.folder = folder;
    this.version = version;
    this.timeoutMs = timeoutMs;
    this.npm = npm;
  }

  /** The CLI, if it was installed before, else {@code null}. */
  Path installed() {
    return binary(place());
  }

  /** Installs, which takes seconds to minutes. @throws ApiException saying what to do */
  Path install(Consumer<String> progress) {
    Path there = installed();
    if (there != null) {
      return there;
    }
    if (npm == null) {
      throw new ApiException(ErrorCode.SANDBOX_FAILED, "Claude Code is not installed, and there is no npm to install it with." + WHAT_TO_DO);
    }
    progress.accept("Installing Claude Code " + version + " with npm, which is done once");
    Path unfinished = folder.resolve(UNFINISHED + UUID.randomUUID());
    try {
      removeLeftovers();
      Files.createDirectories(unfinished);
      run(unfinished, progress);
      if (binary(unfinished) == null) {
        throw failed("The npm package has no executable of Claude Code for this kind of machine.", null);
      }
      remove(place());
      Files.move(unfinished, place(), StandardCopyOption.ATOMIC_MOVE);
      progress.accept("Claude Code " + version + " is installed");
      return binary(place());
    } catch (IOException e) {
      throw failed("Claude Code could not be installed: the data directory cannot be written to.", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed("The installation of Claude Code was interrupted.", e);
    } finally {
      remove(unfinished);
    }
  }

  /** The package's own install script only copies the executable; without scripts it is run where npm puts it. */
  private void run(Path target, Consumer<String> progress) throws IOException, InterruptedException {
    Path output = target.resolve("npm.log");
    Process process = new ProcessBuilder(npm.toString(), "install", "--prefix", target.toString(), "--ignore-scripts", "--no-audit",
        "--no-fund", "--loglevel=error", PACKAGE + "@" + version)
        .directory(target.toFile()).redirectErrorStream(true).redirectOutput(output.toFile())
        .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null"))).start();
    try {
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
      while (!process.waitFor(PROGRESS_INTERVAL_MS, TimeUnit.MILLISECONDS)) {
        if (System.nanoTime() > end) {
          throw failed("The installation of Claude Code took longer than " + timeoutMs / 1000 + " s.", null);
        }
        progress.accept("Installing Claude Code " + version + ": " + size(target) / 1_000_000 + " MB so far");
      }
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    if (process.exitValue() != 0) {
      String said = Files.readString(output);
      LOG.warn("npm could not install {}@{}: {}", PACKAGE, version, said.substring(0, Math.min(said.length(), SHOWN_OUTPUT_CHARS)));
      throw failed("npm could not install Claude Code " + version + "; the server's log has npm's output.", null);
    }
  }

  private static ApiException failed(String what, Exception cause) {
    return new ApiException(ErrorCode.SANDBOX_FAILED, what + WHAT_TO_DO, cause);
  }

  private Path place() {
    return folder.resolve("claude-code-" + version);
  }

  /** The package for this kind of machine, which npm chooses, has the executable. */
  private static Path binary(Path installation) {
    Path packages = installation.resolve("node_modules/@anthropic-ai");
    try (Stream<Path> found = Files.isDirectory(packages) ? Files.list(packages) : Stream.empty()) {
      return found.filter(path -> path.getFileName().toString().startsWith("claude-code-")).map(path -> path.resolve("claude"))
          .filter(Files::isExecutable).findFirst().orElse(null);
    } catch (IOException e) {
      return null;
    }
  }

  /** What a server that was killed in the middle has left. A data directory has one server. */
  private void removeLeftovers() throws IOException {
    if (Files.isDirectory(folder)) {
      try (Stream<Path> entries = Files.list(folder)) {
        entries.filter(path -> path.getFileName().toString().startsWith(UNFINISHED)).forEach(NpmInstallation::remove);
      }
    }
  }

  private static long size(Path folder) {
    long[] size = {0};
    walk(folder, new SimpleFileVisitor<>() {
      @Override
      public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
        size[0] += attributes.size();
        return FileVisitResult.CONTINUE;
      }

      @Override
      public FileVisitResult visitFileFailed(Path file, IOException e) {
        return FileVisitResult.CONTINUE;
      }
    });
    return size[0];
  }

  private static void remove(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    walk(folder, new SimpleFileVisitor<>() {
      @Override
      public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
        Files.deleteIfExists(file);
        return FileVisitResult.CONTINUE;
      }

      @Override
      public FileVisitResult postVisitDirectory(Path directory, IOException e) throws IOException {
        Files.deleteIfExists(directory);
        return FileVisitResult.CONTINUE;
      }
    });
  }

  private static void walk(Path folder, SimpleFileVisitor<Path> visitor) {
    try {
      Files.walkFileTree(folder, visitor);
    } catch (IOException e) {
      LOG.debug("walking an installation", e);
    }
  }
}
