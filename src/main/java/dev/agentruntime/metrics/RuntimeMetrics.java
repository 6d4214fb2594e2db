package dev.agentruntime.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** The runtime's own figures. Thread-safe; recording one costs an atomic addition or little more. */
public final class RuntimeMetrics {

  private final MeterRegistry registry;
  public final AtomicLong sessionsLoaded;
  public final AtomicLong turnsRunning;
  public final AtomicLong messagesQueued;
  /** Bytes. */
  public final AtomicLong unsaved;
  public final AtomicLong socketsOpen;
  public final AtomicLong streamsOpen;
  public final Counter events;
  public final Counter framesOut;
  public final Counter bytesOut;
  public final Counter snapshotsForSlowReaders;
  public final Counter sandboxStarts;
  public final Counter sandboxFailures;
  public final Counter persistenceFailures;
  public final Timer persistence;
  public final Timer sandboxStart;
  public final Timer firstDelta;
  public final Timer turns;

  public RuntimeMetrics(MeterRegistry registry) {
    this.registry = registry;
    sessionsLoaded = gauge("sessions.loaded", "Sessions in memory");
    turnsRunning = gauge("turns.running", "Running turns");
    messagesQueued = gauge("messages.queued", "Accepted messages whose turn has not started");
    unsaved = gauge("unsaved.bytes", "Bytes that sessions could not save yet, besides what is in their sandboxes");
    socketsOpen = gauge("sockets.open", "Open WebSockets");
    streamsOpen = gauge("streams.open", "Open streams of server-sent events");
    events = counter("events", "Events of sessions");
    framesOut = counter("frames.out", "Frames written to clients");
    bytesOut = counter("bytes.out", "Bytes of frames written to clients");
    snapshotsForSlowReaders = counter("slow.reader.snapshots", "Snapshots sent because a reader had fallen too far behind");
    sandboxStarts = counter("sandbox.starts", "Sandboxes made");
    sandboxFailures = counter("sandbox.failures", "Sandboxes that could not be started, or died");
    persistenceFailures = counter("persistence.failures", "Calls of the store that failed");
    persistence = timer("persistence", "Calls of the store");
    sandboxStart = timer("sandbox.start", "From the request for a sandbox to the agent's start");
    firstDelta = timer("first.delta", "From an accepted message to its turn's first delta");
    turns = timer("turn", "Turns, from start to end");
  }

  public MeterRegistry registry() {
    return registry;
  }

  private AtomicLong gauge(String name, String description) {
    AtomicLong value = new AtomicLong();
    Gauge.builder("agent.runtime." + name, value, AtomicLong::doubleValue)
        .description(description).register(registry);
    return value;
  }

  private Counter counter(String name, String description) {
    return Counter.builder("agent.runtime." + name).description(description).register(registry);
  }

  private Timer timer(String name, String description) {
    return Timer.builder("agent.runtime." + name).description(description)
        .serviceLevelObjectives(Duration.ofMillis(1), Duration.ofMillis(5), Duration.ofMillis(20), Duration.ofMillis(100),
            Duration.ofMillis(500), Duration.ofSeconds(2), Duration.ofSeconds(10), Duration.ofSeconds(60))
        .register(registry);
  }
}
