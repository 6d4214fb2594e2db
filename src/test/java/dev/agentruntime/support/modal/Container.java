package dev.agentruntime.support.modal;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A sandbox's world: namespaces of its own for processes and mounts, and a root of its own with this machine's programs in it. All of it
 * ends with its first process, and that with this one's, however this one ends. Blocks.
 */
final class Container {

  private static final long PATIENCE_SECONDS = 60;

  /** What a sandbox sees of this machine. */
  private static final List<String> PROGRAMS = List.of("bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "usr");

  /**
   * Argument: the container's directory. The first process waits for the end of its input, which is the end of the world, and buries what
   * has no parent any more.
   */
  private static final String INIT = """
      mount -a -T "$1/mounts" && echo ready && exec env --ignore-signal=CHLD chroot "$1/root" cat
      """;

  private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

  private final Path directory;
  private final Process process;
  private final long init;

  private Container(Path directory, Process process, long init) {
    this.directory = directory;
    this.process = process;
    this.init = init;
  }

  /**
   * @param directory of its own, with a folder {@code root} that is to be its root
   * @param provided what is to be seen in it, by absolute path there: files and folders of this machine
   */
  static Container start(Path directory, Map<Path, Path> provided) throws IOException {
    Path root = directory.resolve("root");
    StringBuilder mounts = new StringBuilder();
    for (String name : PROGRAMS) {
      Path here = Path.of("/", name);
      if (Files.isSymbolicLink(here)) {
        Files.deleteIfExists(root.resolve(name));
        Files.createSymbolicLink(root.resolve(name), Files.readSymbolicLink(here));
      } else if (Files.isDirectory(here)) {
        Files.createDirectories(root.resolve(name));
        mounts.append(mount(here, root.resolve(name)));
      }
    }
    for (Map.Entry<Path, Path> each : provided.entrySet()) {
      Path there = root.resolve(Path.of("/").relativize(each.getKey()));
      if (Files.isDirectory(each.getValue())) {
        Files.createDirectories(there);
      } else {
        Files.createDirectories(there.getParent());
        if (Files.notExists(there)) {
          Files.createFile(there);
        }
      }
      mounts.append(mount(each.getValue(), there));
    }
    for (String name : List.of("tmp", "var/tmp", "root", "proc")) {
      Files.createDirectories(root.resolve(name));
    }
    mounts.append("proc ").append(escaped(root.resolve("proc"))).append(" proc defaults 0 0\n");
    Files.writeString(directory.resolve("mounts"), mounts);
    return run(directory);
  }

  private static Container run(Path directory) throws IOException {
    List<String> command = new ArrayList<>(List.of("unshare", "--mount", "--pid", "--fork", "--propagation", "private"));
    if (!ROOT) {
      command.add("--map-root-user");
    }
    command.addAll(List.of("sh", "-c", INIT, "container", directory.toString()));
    Path errors = directory.resolve("errors");
    Process process = new ProcessBuilder(command).directory(directory.toFile()).redirectError(errors.toFile()).start();
    BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
    if (!"ready".equals(output.readLine())) {
      throw new IOException("no container could be made: " + Files.readString(errors));
    }
    return new Container(directory, process, process.children().findFirst().orElseThrow().pid());
  }

  private static String mount(Path here, Path there) {
    return escaped(here) + " " + escaped(there) + " none rbind 0 0\n";
  }

  private static String escaped(Path path) {
    return path.toString().replace(" ", "\\040");
  }

  /** Where the container's root is, for files of its own. */
  Path root() {
    return directory.resolve("root");
  }

  /** A command in it; the caller says what becomes of its streams. @param environment all of it */
  ProcessBuilder command(List<String> arguments, Map<String, String> environment, String workdir) {
    List<String> command = new ArrayList<>(List.of("nsenter", "-t", Long.toString(init), "-m", "-p", "-r"));
    if (!ROOT) {
      command.addAll(List.of("-U", "--preserve-credentials"));
    }
    command.addAll(List.of("env", "-C", workdir));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder.environment().putAll(environment);
    return builder;
  }

  /** Ends all that runs in it, and waits until it has. */
  void end() {
    ProcessHandle.of(init).ifPresent(ProcessHandle::destroyForcibly);
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("a container does not end");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  static void delete(Path directory) {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
