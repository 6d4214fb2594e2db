package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxProcess.Signal;
import dev.agentruntime.sandbox.local.ProcessTable.Row;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * Finds everything that was started in a sandbox, also what has left its process group, its session and its parent, and signals it. Blocks.
 */
final class Reaper {

  private static final long MAX_PAUSE_MS = 50;

  private final ProcessTable table;
  private final long killTimeoutMs;

  Reaper(ProcessTable table, long killTimeoutMs) {
    this.table = table;
    this.killTimeoutMs = killTimeoutMs;
  }

  boolean alive(Keeper keeper) {
    return keeper.identity() != null && keeper.identity().equals(table.identity(keeper.pid()));
  }

  String identity(long pid) {
    return table.identity(pid);
  }

  /** Sends {@code signal} once to everything of a family but its keepers, which tell how it ended. */
  void signal(Family family, Signal signal) {
    List<Row> rows = members(family);
    if (signal == Signal.INT) {
      interrupt(rows);
    } else {
      rows.forEach(row -> send(row, signal == Signal.KILL));
    }
  }

  /** Kills until nothing of the family is left. */
  void end(Family family) {
    if (!table.knowsGroups()) {
      killGroups(family);
    }
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(killTimeoutMs);
    for (long pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      List<Row> rows = rows(family);
      if (rows.isEmpty()) {
        return;
      }
      rows.forEach(row -> send(row, true));
      if (System.nanoTime() > deadline) {
        throw new SandboxException(Kind.FAILED, rows.size() + " processes of the sandbox do not end");
      }
      pause(pauseMs);
    }
  }

  private List<Row> members(Family family) {
    Set<Long> keepers = new HashSet<>();
    family.keepers().stream().filter(this::alive).forEach(keeper -> keepers.add(keeper.pid()));
    return rows(family).stream().filter(row -> !keepers.contains(row.pid())).toList();
  }

  /** What carries the family's mark, shares a group or session with a living keeper, or descends from any of these. */
  private List<Row> rows(Family family) {
    List<Row> all = table.rows();
    Set<Long> keepers = groups(family, all);
    Set<Long> found = new HashSet<>();
    List<Row> result = new ArrayList<>();
    long self = ProcessHandle.current().pid();
    for (boolean grown = true; grown; ) {
      grown = false;
      for (Row row : all) {
        boolean belongs = family.marked().test(row) || keepers.contains(row.pid()) || keepers.contains(row.session())
            || keepers.contains(row.group()) || found.contains(row.parent());
        if (belongs && row.pid() != self && found.add(row.pid())) {
          result.add(row);
          grown = true;
        }
      }
    }
    return result;
  }

  /** Numbers of the groups and sessions that are the family's own for sure. A keeper's number is not, once somebody else may have it. */
  private static Set<Long> groups(Family family, List<Row> all) {
    Set<Long> numbers = new HashSet<>();
    for (Keeper keeper : family.keepers()) {
      String holder = all.stream().filter(row -> row.pid() == keeper.pid()).map(Row::identity).findAny().orElse(null);
      if (holder == null ? keeper.trusted() : holder.equals(keeper.identity())) {
        numbers.add(keeper.pid());
      }
    }
    return numbers;
  }

  private void send(Row row, boolean force) {
    Optional<ProcessHandle> handle = ProcessHandle.of(row.pid());
    // The handle holds its process by its start time: from here on no other can be hit.
    if (handle.isPresent() && row.identity().equals(table.identity(row.pid()))) {
      if (force) {
        handle.get().destroyForcibly();
      } else {
        handle.get().destroy();
      }
    }
  }

  private void interrupt(List<Row> rows) {
    kill("INT", rows.stream().filter(row -> row.identity().equals(table.identity(row.pid()))).map(row -> Long.toString(row.pid())).toList());
  }

  /** Those that have lost their parent and are still in the group can be reached, though not seen. */
  private void killGroups(Family family) {
    kill("KILL", groups(family, table.rows()).stream().map(group -> "-" + group).toList());
  }

  private static void kill(String signal, List<String> targets) {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", "s=$1; shift; for t; do kill -s $s -- $t; done", "kill", signal));
    command.addAll(targets);
    try {
      new ProcessBuilder(command).redirectOutput(Redirect.DISCARD).redirectError(Redirect.DISCARD).start().waitFor();
    } catch (IOException e) {
      throw new SandboxException(Kind.FAILED, "a process could not be signalled", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void pause(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SandboxException(Kind.FAILED, "interrupted while processes were ending", e);
    }
  }

  /**
   * The shell that started a process, leads its group and session, and writes down how it ended.
   *
   * @param identity {@code null} if it had ended before it could be looked at
   * @param trusted whether this runtime saw it alive a moment ago, so that what is left of its session is known to be its own
   */
  record Keeper(long pid, String identity, boolean trusted) {
    Keeper asTrusted() {
      return new Keeper(pid, identity, true);
    }
  }

  /** Everything that was started in a sandbox, or by one process of it. */
  record Family(Predicate<Row> marked, List<Keeper> keepers) {
    static Family ofSandbox(String sandboxId, List<Keeper> keepers) {
      return new Family(row -> sandboxId.equals(row.sandboxId()), keepers);
    }

    static Family ofProcess(String processId, Keeper keeper) {
      return new Family(row -> processId.equals(row.processId()), List.of(keeper));
    }
  }
}
