package dev.agentruntime.server;

import dev.agentruntime.protocol.LifecycleEvent;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a watcher of the collection has not been told yet, because its socket is full: of each session the last status and what else
 * happened, in order. Bounded in bytes; beyond that everything is dropped and the watcher is told to list the sessions again.
 *
 * <p>Not thread-safe.
 */
final class WatchQueue {

  private static final int MAX_BYTES = 64 * 1024;

  private final Map<Key, byte[]> waiting = new LinkedHashMap<>();
  private int bytes;
  private boolean missed;

  private record Key(String sessionId, Class<?> kind) {}

  boolean isEmpty() {
    return waiting.isEmpty() && !missed;
  }

  void add(LifecycleEvent event, byte[] json) {
    if (missed) {
      return;
    }
    Key key = new Key(event.sessionId(), event.getClass());
    byte[] before = waiting.remove(key);
    bytes += json.length - (before == null ? 0 : before.length);
    waiting.put(key, json);
    if (bytes > MAX_BYTES) {
      clear();
      missed = true;
    }
  }

  /** The next envelope, or {@code null}. */
  byte[] poll() {
    var entries = waiting.entrySet().iterator();
    if (!entries.hasNext()) {
      return null;
    }
    byte[] json = entries.next().getValue();
    entries.remove();
    bytes -= json.length;
    return json;
  }

  /** Whether events were dropped since this was asked last. */
  boolean pollMissed() {
    boolean was = missed;
    missed = false;
    return was;
  }

  void clear() {
    waiting.clear();
    bytes = 0;
  }
}
