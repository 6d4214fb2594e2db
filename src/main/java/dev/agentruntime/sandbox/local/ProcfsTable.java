package dev.agentruntime.sandbox.local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/** Linux: {@code /proc}, as proc(5) describes it. */
final class ProcfsTable implements ProcessTable {

  /** After which a process does not take on another program's environment any more, as a child of this server does at its start. */
  private static final long SETTLED_NS = TimeUnit.SECONDS.toNanos(5);

  private final Path proc;
  private final String bootId;
  private final AtomicLong asked = new AtomicLong();
  private final ReentrantLock scanning = new ReentrantLock();
  private long answers;
  private List<Row> rows = List.of();
  private Map<Long, Known> known = Map.of();

  ProcfsTable() {
    this(Path.of("/proc"));
  }

  ProcfsTable(Path proc) {
    this.proc = proc;
    this.bootId = read(proc.resolve("sys/kernel/random/boot_id")).strip();
  }

  /** Those who ask while a scan is running share the next one. */
  @Override
  public List<Row> rows() {
    long ticket = asked.incrementAndGet();
    scanning.lock();
    try {
      if (answers < ticket) {
        long answered = asked.get();
        rows = scan();
        answers = answered;
      }
      return rows;
    } finally {
      scanning.unlock();
    }
  }

  @Override
  public boolean knowsGroups() {
    return true;
  }

  @Override
  public String identity(long pid) {
    Stat stat = stat(proc.resolve(Long.toString(pid)));
    return stat == null ? null : identity(stat);
  }

  private List<Row> scan() {
    List<Row> found = new ArrayList<>();
    Map<Long, Known> seen = new HashMap<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(proc, "[0-9]*")) {
      for (Path entry : entries) {
        Stat stat = stat(entry);
        if (stat != null) {
          long pid = Long.parseLong(entry.getFileName().toString());
          Row row = row(entry, pid, stat);
          found.add(row);
          Known before = known.get(pid);
          seen.put(pid, before != null && before.row.identity().equals(row.identity()) ? new Known(row, before.sinceNs) : new Known(row));
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("the process table cannot be read", e);
    }
    known = seen;
    return List.copyOf(found);
  }

  /** Environments are read once: reading them is most of the work. */
  private Row row(Path entry, long pid, Stat stat) {
    String identity = identity(stat);
    Known before = known.get(pid);
    if (before != null && before.row.identity().equals(identity) && before.settled()) {
      return new Row(pid, stat.parent, stat.group, stat.session, identity, before.row.sandboxId(), before.row.processId());
    }
    String environment = read(entry.resolve("environ"));
    return new Row(pid, stat.parent, stat.group, stat.session, identity, variable(environment, Launcher.SANDBOX_VARIABLE),
        variable(environment, Launcher.PROCESS_VARIABLE));
  }

  private String identity(Stat stat) {
    return bootId + "/" + stat.startTicks;
  }

  /**
   * @return {@code null} if there is no such process, or it is a zombie
   * @throws UncheckedIOException if it is there, and this server cannot open it, having too many files open say: who is not seen is not dead
   */
  private static Stat stat(Path process) {
    Path file = process.resolve("stat");
    String text;
    try {
      text = text(file);
    } catch (FileSystemException e) {
      if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
        throw new UncheckedIOException("a process cannot be looked at", e);
      }
      return null;
    } catch (IOException e) {
      // It went while it was read.
      return null;
    }
    int name = text.lastIndexOf(')');
    if (name < 0) {
      return null;
    }
    // From the third field of proc(5) on; the second, the name, may hold spaces and brackets.
    String[] fields = text.substring(name + 2).split(" ");
    if (fields[0].equals("Z") || fields[0].equals("X")) {
      return null;
    }
    return new Stat(Long.parseLong(fields[1]), Long.parseLong(fields[2]), Long.parseLong(fields[3]), Long.parseLong(fields[19]));
  }

  private static String variable(String environment, String name) {
    String start = name + "=";
    int at = environment.startsWith(start) ? 0 : environment.indexOf("\0" + start) + 1;
    if (at == 0 && !environment.startsWith(start)) {
      return null;
    }
    int end = environment.indexOf('\0', at);
    return environment.substring(at + start.length(), end < 0 ? environment.length() : end);
  }

  /** @return empty if it is gone or not ours to read */
  private static String read(Path file) {
    try {
      return text(file);
    } catch (IOException e) {
      return "";
    }
  }

  private static String text(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
  }

  private record Known(Row row, long sinceNs) {
    Known(Row row) {
      this(row, System.nanoTime());
    }

    boolean settled() {
      return row.sandboxId() != null || System.nanoTime() - sinceNs > SETTLED_NS;
    }
  }

  private record Stat(long parent, long group, long session, long startTicks) {}
}
