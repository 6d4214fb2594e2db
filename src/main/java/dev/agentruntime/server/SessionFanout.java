package dev.agentruntime.server;

import dev.agentruntime.protocol.Frame;
import dev.agentruntime.session.EventLog;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Gives what is new in one log to the readers of one event loop: read once, encoded once, and one write and one flush for each reader. What
 * gathers while the loop is busy goes out together.
 *
 * <p>Everything but {@link #wake()} happens on the event loop.
 */
final class SessionFanout {

  /** Text that goes to all readers in one write. */
  private static final int BATCH_BYTES = 32 * 1024;

  /** Batches before the loop's other work has its turn. */
  private static final int BATCHES_PER_TURN = 8;

  private final LoopFeeds feeds;
  private final EventLog log;
  private final FrameMerger merger;
  private final AtomicBoolean scheduled = new AtomicBoolean();
  private final Runnable wake = this::wake;
  private final Runnable drain = this::drain;
  private final Set<FeedReader> readers = new HashSet<>();
  private final List<Frame> frames = new ArrayList<>();
  private List<FeedReader> live = new ArrayList<>();
  private long cursor;
  private boolean delivering;
  private boolean ended;
  private boolean reloaded;

  SessionFanout(LoopFeeds feeds, EventLog log) {
    this.feeds = feeds;
    this.log = log;
    this.merger = new FrameMerger(log.sessionId());
    log.subscribe(wake);
    cursor = log.head();
    ended = log.closed() && cursor == log.head();
  }

  EventLog log() {
    return log;
  }

  FrameMerger merger() {
    return merger;
  }

  /** How far the live readers are; no reader of this log is further. */
  long cursor() {
    return cursor;
  }

  /** @param seq where the reader is; the live readers are brought there, so that none is ahead of them */
  void add(FeedReader reader, long seq) {
    readers.add(reader);
    while (cursor < seq) {
      drain();
    }
  }

  void remove(FeedReader reader) {
    readers.remove(reader);
    if (!delivering) {
      live.remove(reader);
    }
    if (readers.isEmpty()) {
      log.unsubscribe(wake);
      feeds.forget(this);
    }
  }

  /** A reader that is where the live readers are. */
  void follow(FeedReader reader) {
    live.add(reader);
    if (ended) {
      partFromLive();
    }
  }

  /** The session was loaded: a reader of a log that has ended goes on with the new one. */
  void sessionLoaded() {
    if (!log.closed()) {
      return;
    }
    reloaded = true;
    if (ended) {
      partFromLive();
    } else {
      wake();
    }
  }

  void sessionDeleted() {
    List.copyOf(readers).forEach(reader -> reader.end("deleted"));
  }

  private void wake() {
    if (!scheduled.get() && scheduled.compareAndSet(false, true)) {
      feeds.execute(drain);
    }
  }

  private void drain() {
    scheduled.set(false);
    if (ended) {
      return;
    }
    boolean closed = log.closed();
    for (int i = 0; i < BATCHES_PER_TURN && !live.isEmpty(); i++) {
      if (!deliverNext()) {
        break;
      }
    }
    if (live.isEmpty()) {
      cursor = log.head();
    }
    if (cursor < log.head()) {
      wake();
    } else if (closed) {
      ended = true;
      partFromLive();
    }
  }

  /** Nothing follows in this log: readers wait for the session to be loaded, or go on at once if it was. */
  private void partFromLive() {
    if (!reloaded) {
      live.forEach(FeedReader::park);
      return;
    }
    List<FeedReader> parked = live;
    live = new ArrayList<>();
    parked.forEach(FeedReader::outdated);
  }

  private boolean deliverNext() {
    if (!log.read(cursor, BATCH_BYTES, frames)) {
      List<FeedReader> behind = live;
      live = new ArrayList<>();
      behind.forEach(FeedReader::lag);
      return false;
    }
    if (frames.isEmpty()) {
      return false;
    }
    Batch batch = new Batch(log, frames);
    int taken = 0;
    try {
      cursor = batch.lastSeq();
      delivering = true;
      for (FeedReader reader : live) {
        taken += reader.offer(batch) ? 1 : 0;
      }
    } finally {
      delivering = false;
      batch.release();
    }
    feeds.metrics().framesOut.increment((double) frames.size() * taken);
    frames.clear();
    if (taken < live.size()) {
      live.removeIf(reader -> !reader.live());
    }
    return true;
  }
}
