package dev.agentruntime.support;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** What the sandboxes of one data directory have left on this machine: directories, and processes that live in them. Needs Linux. */
public final class SandboxTraces {

  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(120);
  private static final long LOOK_EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final Path sandboxes;

  /** @param dataDirectory of the runtime */
  public SandboxTraces(Path dataDirectory) {
    this.sandboxes = dataDirectory.resolve("sandboxes");
  }

  public List<Path> directories() {
    if (!Files.exists(sandboxes)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(sandboxes)) {
      return entries.toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The command lines of processes whose environment names a place in one of the sandboxes. */
  public List<String> processes() {
    List<String> found = new ArrayList<>();
    ProcessHandle.allProcesses().forEach(process -> {
      if (read(process.pid(), "environ").contains("HOME=" + sandboxes)) {
        found.add(process.pid() + " " + read(process.pid(), "cmdline").replace('\0', ' '));
      }
    });
    return found;
  }

  public List<String> processes(String part) {
    return processes().stream().filter(line -> line.contains(part)).toList();
  }

  /** As {@code kill -9} of each. */
  public void kill(String part) {
    for (String line : processes(part)) {
      ProcessHandle.of(Long.parseLong(line.substring(0, line.indexOf(' ')))).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  public void awaitNothing() {
    await(() -> processes().isEmpty() && directories().isEmpty(), () -> "left: " + processes() + " " + directories());
  }

  public void awaitNoProcess(String part) {
    await(() -> processes(part).isEmpty(), () -> "still there: " + processes(part));
  }

  public void awaitProcess(String part) {
    await(() -> !processes(part).isEmpty(), () -> "not there among " + processes());
  }

  /** For what nothing tells of: looks again and again, a while. */
  public static void await(BooleanSupplier condition, Supplier<String> otherwise) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(otherwise.get());
      }
      LockSupport.parkNanos(LOOK_EVERY_NANOS);
    }
  }

  /** @return empty for a process that has ended meanwhile, a zombie, or one of somebody else */
  private static String read(long pid, String name) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(pid), name), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
