package dev.agentruntime.sandbox.local;

import java.util.List;

/**
 * The living processes of this machine that this user may see. Zombies are not among them. Fails with a {@link RuntimeException} where it
 * cannot look: that is no word of anybody's end.
 */
interface ProcessTable {

  /** @return processes that lived at a moment after the call */
  List<Row> rows();

  /** Whether rows have their group and session. */
  boolean knowsGroups();

  /** Tells a process from any other that has, had or will have the same number; {@code null} if there is none living. */
  String identity(long pid);

  static ProcessTable open(boolean procfs) {
    return procfs ? new ProcfsTable() : new PortableTable();
  }

  /**
   * @param group its process group, or 0 if not known
   * @param session its session, or 0 if not known
   * @param sandboxId in which it was started, from its environment; {@code null} if none or not known
   * @param processId of which it is a part, from its environment; {@code null} if none or not known
   */
  record Row(long pid, long parent, long group, long session, String identity, String sandboxId, String processId) {}
}
