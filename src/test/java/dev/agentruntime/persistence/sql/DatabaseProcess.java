package dev.agentruntime.persistence.sql;

import dev.agentruntime.support.Written;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A real database server, run by the tests as a process of their own, on loopback and with its data in a folder of the moment. */
final class DatabaseProcess {

  private static final Duration PATIENCE = Duration.ofSeconds(120);

  /** Whether a server takes connections by now. */
  interface Ready {
    boolean check() throws Exception;
  }

  private final List<String> command;
  private final Path log;
  private final Ready ready;
  private Process process;

  /** @param folder of its own, for its log */
  DatabaseProcess(Path folder, List<String> command, Ready ready) {
    this.command = command;
    this.log = folder.resolve("server.log");
    this.ready = ready;
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      kill();
      deleteAll(folder);
    }));
  }

  void start() throws Exception {
    process = new ProcessBuilder(command)
        .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .redirectInput(new File("/dev/null")).start();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!ready.check()) {
      if (System.nanoTime() > deadline || process.waitFor(50, TimeUnit.MILLISECONDS)) {
        throw new IllegalStateException(command.getFirst() + " did not start:\n" + Files.readString(log));
      }
    }
  }

  /** As {@code kill -9} does to it and all of its own. */
  void kill() {
    if (process != null) {
      List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
      all.add(process.toHandle());
      all.forEach(ProcessHandle::destroyForcibly);
      all.forEach(each -> each.onExit().join());
    }
  }

  /** What it and all of its own have written to files so far. */
  long writtenBytes() {
    return Stream.concat(Stream.of(process.toHandle()), process.descendants()).mapToLong(each -> Written.bytes(each.pid())).sum();
  }

  /** Stops it as its signal to end does. */
  void stop() throws InterruptedException {
    process.toHandle().destroy();
    process.waitFor();
  }

  /** Suspends it, so that it takes connections and never answers. */
  void suspend() throws IOException, InterruptedException {
    // From then on nothing of its own begins, and nothing that ends is gone.
    run(List.of("kill", "-STOP", Long.toString(process.pid())));
    signal("STOP");
  }

  /** Lets it go on. */
  void resume() throws IOException, InterruptedException {
    signal("CONT");
  }

  /** It comes last: as long as it is suspended there is something to signal even where one of its own has ended. */
  private void signal(String name) throws IOException, InterruptedException {
    List<String> signal = new ArrayList<>(List.of("kill", "-" + name));
    Stream.concat(process.descendants(), Stream.of(process.toHandle())).map(each -> Long.toString(each.pid())).forEach(signal::add);
    run(signal);
  }

  /** Database servers do not run as root. In a user namespace of their own they are not, and can yet read what root can. */
  static List<String> unprivileged(List<String> command) {
    List<String> all = new ArrayList<>(command);
    if (isRoot()) {
      all.addAll(0, List.of("unshare", "--user"));
    }
    return all;
  }

  static boolean isRoot() {
    return System.getProperty("user.name").equals("root");
  }

  static void run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectInput(new File("/dev/null")).start();
    String output = new String(process.getInputStream().readAllBytes());
    if (process.waitFor() != 0) {
      throw new IllegalStateException(String.join(" ", command) + ":\n" + output);
    }
  }

  /** How an archive is unpacked into a folder. */
  interface Unpacking {
    void into(Path folder) throws Exception;
  }

  /** Unpacked once for all builds in this folder. */
  static synchronized Path unpacked(String name, Unpacking unpacking) throws Exception {
    Path done = Path.of("target", "databases", name).toAbsolutePath();
    if (Files.notExists(done)) {
      Files.createDirectories(done.getParent());
      Path half = Files.createTempDirectory(done.getParent(), "half");
      unpacking.into(half);
      Files.move(half, done, StandardCopyOption.ATOMIC_MOVE);
    }
    return done;
  }

  static InputStream resource(String name) {
    InputStream in = DatabaseProcess.class.getResourceAsStream(name);
    if (in == null) {
      throw new IllegalStateException("there is no " + name + " on the class path");
    }
    return in;
  }

  private static void deleteAll(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      // a folder for the moment, which the machine will clean up
    }
  }
}
