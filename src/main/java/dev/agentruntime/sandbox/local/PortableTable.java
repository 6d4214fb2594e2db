package dev.agentruntime.sandbox.local;

import java.util.List;
import java.util.Optional;

/** What the JDK knows of processes on any system: who is whose child. */
final class PortableTable implements ProcessTable {

  @Override
  public List<Row> rows() {
    return ProcessHandle.allProcesses()
        .map(handle -> new Row(handle.pid(), handle.parent().map(ProcessHandle::pid).orElse(0L), 0, 0, identity(handle), null, null))
        .filter(row -> row.identity() != null)
        .toList();
  }

  @Override
  public boolean knowsGroups() {
    return false;
  }

  @Override
  public String identity(long pid) {
    Optional<ProcessHandle> handle = ProcessHandle.of(pid);
    return handle.isPresent() && handle.get().isAlive() ? identity(handle.get()) : null;
  }

  /** A zombie still has a start, but no command any more. */
  private static String identity(ProcessHandle handle) {
    ProcessHandle.Info info = handle.info();
    return info.command().flatMap(command -> info.startInstant()).map(start -> Long.toString(start.toEpochMilli())).orElse(null);
  }
}
