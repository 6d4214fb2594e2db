package dev.agentruntime.session;

import dev.agentruntime.protocol.LifecycleEvent;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Tells whoever listens what happens to the collection of sessions. Thread-safe. */
final class Lifecycle {

  private final CopyOnWriteArrayList<Consumer<LifecycleEvent>> listeners = new CopyOnWriteArrayList<>();

  /** @param listener called on any thread; must return at once */
  void add(Consumer<LifecycleEvent> listener) {
    listeners.add(listener);
  }

  void remove(Consumer<LifecycleEvent> listener) {
    listeners.remove(listener);
  }

  void tell(LifecycleEvent event) {
    listeners.forEach(listener -> listener.accept(event));
  }
}
