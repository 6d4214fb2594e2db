package dev.agentruntime.server;

import dev.agentruntime.config.Settings;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.session.SessionManager;
import io.micrometer.core.instrument.Gauge;
import io.netty.channel.EventLoop;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Every open WebSocket and event stream of this process, and the feeds of each event loop. Thread-safe. */
final class ClientStreams {

  private static final long RETRY_MS = 1_000;

  /** A client's connection that lasts. */
  interface Connection {
    /** Tells the client that the server goes away, and closes; from any thread. @return when the connection is closed */
    Future<Void> drain();

    /** Bytes that wait in memory because the client has not taken them; from any thread. */
    long bytesHeld();
  }

  private final SessionManager manager;
  private final RuntimeMetrics metrics;
  private final int maxConnections;
  private final Map<EventLoop, LoopFeeds> loops = new ConcurrentHashMap<>();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final AtomicInteger open = new AtomicInteger();
  private final Consumer<LifecycleEvent> listener = this::lifecycle;
  private volatile boolean draining;

  ClientStreams(SessionManager manager, Settings settings, RuntimeMetrics metrics) {
    this.manager = manager;
    this.metrics = metrics;
    this.maxConnections = settings.sockets().maxConnections();
    manager.watch(listener);
    Gauge.builder("agent.runtime.bytes.waiting", this, ClientStreams::bytesHeld)
        .description("Bytes in memory that clients have not read yet").register(metrics.registry());
  }

  LoopFeeds feeds(EventLoop loop) {
    return loops.computeIfAbsent(loop, key -> new LoopFeeds(key,
        work -> key.schedule(work, RETRY_MS, TimeUnit.MILLISECONDS), sessionId -> manager.join(sessionId, null), metrics));
  }

  boolean draining() {
    return draining;
  }

  /** @return false if there are as many as there may be; otherwise the caller asks {@link #draining()} when it can close it, and
   *     {@linkplain #remove removes} it when it is closed */
  boolean add(Connection connection) {
    if (open.incrementAndGet() > maxConnections) {
      open.decrementAndGet();
      return false;
    }
    connections.add(connection);
    return true;
  }

  void remove(Connection connection) {
    if (connections.remove(connection)) {
      open.decrementAndGet();
    }
  }

  Set<Connection> connections() {
    return Set.copyOf(connections);
  }

  /** Bytes in memory that clients have not read yet. */
  long bytesHeld() {
    return connections.stream().mapToLong(Connection::bytesHeld).sum();
  }

  /** Closes all, and refuses more from now on. */
  Future<Void> drain() {
    draining = true;
    manager.drain();
    List<Future<Void>> closed = connections.stream().map(Connection::drain).toList();
    manager.unwatch(listener);
    return Future.join(closed).mapEmpty();
  }

  private void lifecycle(LifecycleEvent event) {
    loops.forEach((loop, feeds) -> loop.execute(() -> feeds.lifecycle(event)));
  }
}
