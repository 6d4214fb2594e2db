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

  /** What a sandbox sees of this machine, beside {@code /usr}. */
  private static final List<String> TOP = List.of("bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin");

  private static final Path LOCAL = Path.of("/usr/local");

  /** Where this machine's {@code /usr/local/bin} is seen: that one is the sandbox's own, with links. */
  private static final String BEHIND = "mnt/usr-local-bin";

  /**
   * Argument: the container's directory. The first process waits for the end of its input, which is the end of the world, and buries what
   * has no parent any more. It is ready once it has its own root, as that is where the others enter; it then says its number outside of the
   * container, which {@code /proc} has told it before it got one of its own. A user's path may lack the folder of {@code chroot}.
   */
  private static final String INIT = """
      PATH="$PATH:/usr/sbin:/sbin"
      read -r pid rest </proc/self/stat &&
      mount -a -T "$1/mounts" && exec env --ignore-signal=CHLD chroot "$1/root" sh -c 'echo "$1" && exec cat' init "$pid"
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
   * @param provided folders of this machine that are to be seen in it, at the same place
   * @param programs executables of this machine by name, which may lie in {@code provided}
   */
  static Container start(Path directory, List<Path> provided, Map<String, Path> programs) throws IOException {
    Path root = directory.resolve("root");
    StringBuilder mounts = new StringBuilder();
    for (String name : TOP) {
      mountAs(Path.of("/", name), root.resolve(name), mounts);
    }
    mountAllBut("local", Path.of("/usr"), root, mounts);
    mountAllBut("bin", LOCAL, root, mounts);
    mountAs(LOCAL.resolve("bin"), root.resolve(BEHIND), mounts);
    for (Path path : provided) {
      mountAs(path, inside(root, path), mounts);
    }
    for (String name : List.of("tmp", "var/tmp", "root", "proc", "usr/local/bin")) {
      Files.createDirectories(root.resolve(name));
    }
    if (Files.isDirectory(LOCAL.resolve("bin"))) {
      for (Path program : entries(LOCAL.resolve("bin"))) {
        link(root, program.getFileName().toString(), Path.of("/", BEHIND).resolve(program.getFileName()));
      }
    }
    for (Map.Entry<String, Path> program : programs.entrySet()) {
      link(root, program.getKey(), program.getValue());
    }
    mounts.append("proc ").append(escaped(root.resolve("proc"))).append(" proc defaults 0 0\n");
    Files.writeString(directory.resolve("mounts"), mounts);
    return run(directory);
  }

  private static void link(Path root, String name, Path to) throws IOException {
    Path link = root.resolve("usr/local/bin").resolve(name);
    Files.deleteIfExists(link);
    Files.createSymbolicLink(link, to);
  }

  private static void mountAllBut(String own, Path folder, Path root, StringBuilder mounts) throws IOException {
    for (Path entry : entries(folder)) {
      if (!entry.endsWith(own)) {
        mountAs(entry, inside(root, entry), mounts);
      }
    }
  }

  private static List<Path> entries(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.toList();
    }
  }

  private static Path inside(Path root, Path path) {
    return root.resolve(Path.of("/").relativize(path));
  }

  /** What is a link here is one there; what is not here is not there. */
  private static void mountAs(Path here, Path there, StringBuilder mounts) throws IOException {
    if (Files.isSymbolicLink(here)) {
      Files.createDirectories(there.getParent());
      Files.deleteIfExists(there);
      Files.createSymbolicLink(there, Files.readSymbolicLink(here));
    } else if (Files.isDirectory(here)) {
      Files.createDirectories(there);
      mounts.append(escaped(here)).append(' ').append(escaped(there)).append(" none rbind 0 0\n");
    }
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
    String pid = output.readLine();
    if (pid == null) {
      throw new IOException("no container could be made: " + Files.readString(errors));
    }
    return new Container(directory, process, Long.parseLong(pid));
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

  /** Everything in a folder. */
  static void copy(Path from, Path to) throws IOException {
    finish(new ProcessBuilder("cp", "-a", from + "/.", to.toString()));
  }

  /** Runs a command to its end. @throws IOException with what it said, if it fails */
  static void finish(ProcessBuilder command) throws IOException {
    Process process = command.redirectErrorStream(true).start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IOException(said);
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  static void delete(Path directory) {
    try {
      if (!ROOT) {
        // Only root enters a folder that its owner has closed.
        finish(new ProcessBuilder("chmod", "-R", "u+rwx", directory.toString()));
      }
      try (Stream<Path> all = Files.walk(directory)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(path);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
