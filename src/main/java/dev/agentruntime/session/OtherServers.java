package dev.agentruntime.session;

import dev.agentruntime.persistence.SessionRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which servers on the same store have died. One that lives says so, for each session that it works with, in the session's record. What is
 * looked at is only whether that changes, since the servers' clocks may differ. Not thread-safe.
 */
final class OtherServers {

  /** How many looks after the first may find the same before a server counts as dead. They are as far apart as its signs of life. */
  private static final int MISSES = 3;

  private record Sign(Recovery.Owner owner, int missed) {}

  private Map<String, Sign> signs = new HashMap<>();

  /**
   * Looks at what is stored.
   *
   * @param recoverable the sessions with a recovery that are not in memory here
   * @return those that nobody looks after
   */
  List<String> abandoned(List<SessionRecord> recoverable) {
    Map<String, Sign> now = new HashMap<>();
    List<String> abandoned = new ArrayList<>();
    for (SessionRecord record : recoverable) {
      Recovery.Owner owner = Recovery.of(record.recovery()).owner();
      Sign before = signs.get(record.sessionId());
      int missed = before == null || !before.owner().equals(owner) ? 0 : before.missed() + 1;
      if (owner == null || missed >= MISSES) {
        abandoned.add(record.sessionId());
      } else {
        now.put(record.sessionId(), new Sign(owner, missed));
      }
    }
    signs = now;
    return abandoned;
  }

  /** The store was away: those who live could not say so. */
  void startAnew() {
    signs = new HashMap<>();
  }
}
