package dev.agentruntime.session;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How many bytes a session has to save and could not yet, so that a store that is away does not fill the memory. Belongs to the session's
 * own context; only the count of all sessions is shared.
 */
final class Backlog {

  private final AtomicLong ofAll;
  private final long limit;
  private final long limitOfAll;
  private long bytes;
  private boolean closed;

  /**
   * @param ofAll the bytes of all sessions
   * @param limit of this session, bytes
   * @param limitOfAll of all sessions, bytes
   */
  Backlog(AtomicLong ofAll, long limit, long limitOfAll) {
    this.ofAll = ofAll;
    this.limit = limit;
    this.limitOfAll = limitOfAll;
  }

  /** @param change bytes that came, or negative: that are saved */
  void add(long change) {
    if (!closed) {
      bytes += change;
      ofAll.addAndGet(change);
    }
  }

  /** Whether there should not be more. When all sessions together have too much, it is those that have any that wait. */
  boolean isFull() {
    return bytes > limit || bytes > 0 && ofAll.get() > limitOfAll;
  }

  /** Counts no more: the session has left memory. */
  void close() {
    add(-bytes);
    closed = true;
  }
}
