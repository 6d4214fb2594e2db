package dev.agentruntime.sandbox.local;

import java.nio.file.Path;
import java.nio.file.WatchKey;
import java.util.concurrent.TimeUnit;

/**
 * Tells when to look at the files of a process. Usually at every file event; but while output pours in, each of whose writes is an event
 * that wakes three threads, every {@value #OFTEN_MS} ms without being told, so that much is read at once. Thread-safe.
 */
final class Lookout {

  private static final long OFTEN_MS = 1;

  /** As much as this within this time is a flood: far more than any model says, and no more than a few processes can write at once. */
  private static final long FLOOD_BYTES = 256 * 1024;
  private static final long FLOOD_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /** Looks in vain after which file events are as good. */
  private static final int MOST_VAIN_LOOKS = 20;

  private final DirectoryWatch watch;
  private final Workers workers;
  private final Path directory;
  private final DirectoryWatch.Listener listener;
  private final long pollMs;
  private final Runnable lookAtOutput;
  private final Runnable lookAtAll;
  /** Of these, one at most is there; the second ends the looking. */
  private WatchKey events;
  private Runnable polling;
  private boolean stopped;

  private volatile boolean often;
  private long countedSince;
  private long counted;
  private boolean inVain;
  private int vainLooks;

  /**
   * @param listener told of the events in {@code directory}
   * @param pollMs between two looks if there are no events
   * @param lookAtOutput short, on any thread, as is {@code lookAtAll}
   * @param lookAtAll for whatever an event could tell of
   */
  Lookout(DirectoryWatch watch, Workers workers, Path directory, DirectoryWatch.Listener listener, long pollMs, Runnable lookAtOutput,
          Runnable lookAtAll) {
    this.watch = watch;
    this.workers = workers;
    this.directory = directory;
    this.listener = listener;
    this.pollMs = pollMs;
    this.lookAtOutput = lookAtOutput;
    this.lookAtAll = lookAtAll;
  }

  /** What happened before is not told of. Blocks briefly. */
  synchronized void start() {
    if (stopped) {
      return;
    }
    events = watch.register(directory, listener);
    if (events == null) {
      polling = workers.every(pollMs, lookAtAll);
    }
  }

  synchronized void stop() {
    stopped = true;
    often = false;
    leaveOff();
  }

  /** Whether there will be a look without an event. */
  boolean looksOften() {
    return often;
  }

  /** So much of the output was found. */
  synchronized void seen(int bytes) {
    inVain = false;
    if (often || events == null) {
      return;
    }
    long now = System.nanoTime();
    if (now - countedSince > FLOOD_NANOS) {
      countedSince = now;
      counted = 0;
    }
    counted += bytes;
    if (counted >= FLOOD_BYTES) {
      often = true;
      leaveOff();
      vainLooks = 0;
      polling = workers.every(OFTEN_MS, this::lookOften);
    }
  }

  private void lookOften() {
    if (isFloodOver()) {
      lookAtAll.run();
    } else {
      lookAtOutput.run();
    }
  }

  private synchronized boolean isFloodOver() {
    vainLooks = inVain ? vainLooks + 1 : 0;
    inVain = true;
    if (!often || vainLooks < MOST_VAIN_LOOKS) {
      return false;
    }
    often = false;
    leaveOff();
    start();
    return true;
  }

  private synchronized void leaveOff() {
    if (events != null) {
      watch.cancel(events, listener);
      events = null;
    }
    if (polling != null) {
      polling.run();
      polling = null;
    }
  }
}
