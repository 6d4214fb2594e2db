package dev.agentruntime.session;

import dev.agentruntime.protocol.Frame;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The last frames of one epoch of a session, for the readers of this node: a ring bounded in bytes. A reader keeps its own place and asks
 * for what comes after it; one that has fallen out of the ring is told so and takes a snapshot.
 *
 * <p>One writer, the session; any number of readers on any thread.
 */
public final class EventLog {

  /** What a frame costs beside its text: objects, references and the event itself, about. */
  private static final int FRAME_OVERHEAD_BYTES = 120;

  /** How many frames, at most, readers do not know of while they are {@linkplain #gather gathered}: a tenth of a millisecond's work. */
  private static final int MOST_GATHERED = 128;

  private final String sessionId;
  private final String epoch;
  private final int maxBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final CopyOnWriteArrayList<Runnable> readers = new CopyOnWriteArrayList<>();
  private Frame[] ring = new Frame[0];
  /** Bytes of text of each frame: looking into one that was not touched for long would cost more than the rest of an {@link #append}. */
  private int[] sizes = new int[0];
  private int first;
  private int count;
  private long bytes;
  private volatile long head;
  private volatile boolean closed;
  private boolean gathering;
  private int gathered;
  private int mostGathered;

  /** @param maxBytes bound of what is kept, encoded text and overhead; the newest frame is kept whatever its size */
  public EventLog(String sessionId, String epoch, int maxBytes) {
    this.sessionId = sessionId;
    this.epoch = epoch;
    this.maxBytes = maxBytes;
  }

  public String sessionId() {
    return sessionId;
  }

  public String epoch() {
    return epoch;
  }

  /** The number of the newest frame; 0 before the first. */
  public long head() {
    return head;
  }

  /** Whether the session was unloaded or deleted: no frame follows, ever. */
  public boolean closed() {
    return closed;
  }

  /** Whether every frame after {@code seq} is still here. */
  public boolean holdsAfter(long seq) {
    lock.lock();
    try {
      return holds(seq);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Adds frames after {@code seq} to {@code into}, in order, until their text exceeds {@code maxTextBytes} (at least one is given).
   *
   * @return false if frames after {@code seq} have been forgotten; nothing is added then
   */
  public boolean read(long seq, int maxTextBytes, List<Frame> into) {
    lock.lock();
    try {
      if (!holds(seq)) {
        return false;
      }
      long text = 0;
      for (int i = count - (int) (head - seq); i < count; i++) {
        int at = (first + i) % ring.length;
        text += sizes[at];
        if (text > maxTextBytes && !into.isEmpty()) {
          break;
        }
        into.add(ring[at]);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** @param wake called after new frames were added (one or some) and after the end, on the writer's thread; must return at once */
  public void subscribe(Runnable wake) {
    readers.add(wake);
  }

  public void unsubscribe(Runnable wake) {
    readers.remove(wake);
  }

  void append(Frame frame) {
    lock.lock();
    try {
      if (frame.seq() != head + 1) {
        throw new IllegalStateException("frame " + frame.seq() + " after " + head);
      }
      if (count == ring.length) {
        grow();
      }
      int last = (first + count) % ring.length;
      ring[last] = frame;
      sizes[last] = frame.json().length;
      count++;
      head = frame.seq();
      bytes += sizes[last] + FRAME_OVERHEAD_BYTES;
      while (bytes > maxBytes && count > 1) {
        bytes -= sizes[first] + FRAME_OVERHEAD_BYTES;
        ring[first] = null;
        first = (first + 1) % ring.length;
        count--;
      }
    } finally {
      lock.unlock();
    }
    gathered++;
    if (!gathering) {
      wakeReaders();
    } else if (gathered == mostGathered) {
      wakeReaders();
      mostGathered = Math.min(8 * mostGathered, MOST_GATHERED);
    }
  }

  /**
   * Many frames follow at once: readers are woken for the first, and then for more and more together, since to wake one costs as much as to
   * make several.
   */
  void gather() {
    gathering = true;
    mostGathered = 1;
  }

  /** Nothing follows at once: readers are woken for what they do not know yet. */
  void release() {
    gathering = false;
    if (gathered > 0) {
      wakeReaders();
    }
  }

  void close() {
    closed = true;
    wakeReaders();
  }

  private void wakeReaders() {
    gathered = 0;
    for (Runnable reader : readers) {
      reader.run();
    }
  }

  private boolean holds(long seq) {
    return seq <= head && head - seq <= count;
  }

  private void grow() {
    int length = Math.max(16, ring.length * 2);
    Frame[] frames = new Frame[length];
    int[] larger = new int[length];
    for (int i = 0; i < count; i++) {
      frames[i] = ring[(first + i) % ring.length];
      larger[i] = sizes[(first + i) % ring.length];
    }
    ring = frames;
    sizes = larger;
    first = 0;
  }
}
