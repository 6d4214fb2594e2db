package dev.agentruntime.server;

import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.session.EventLog;
import dev.agentruntime.session.Joined;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Function;

/** The feeds of one event loop: a fan-out per log that somebody there reads, and who watches the collection. Used on that loop only. */
final class LoopFeeds {

  private final Executor loop;
  private final Consumer<Runnable> timer;
  private final Function<String, Future<Joined>> join;
  private final RuntimeMetrics metrics;
  private final Map<String, List<SessionFanout>> fanouts = new HashMap<>();
  private final Set<LifecycleSink> watchers = new LinkedHashSet<>();

  /** Somebody who is told what happens to the collection of sessions. */
  interface LifecycleSink {
    /** @param json the envelope, shared, never written to */
    void lifecycle(LifecycleEvent event, byte[] json);
  }

  /**
   * @param loop runs on the event loop
   * @param timer runs on the event loop a moment later, for another try
   * @param join a session's snapshot and log
   */
  LoopFeeds(Executor loop, Consumer<Runnable> timer, Function<String, Future<Joined>> join, RuntimeMetrics metrics) {
    this.loop = loop;
    this.timer = timer;
    this.join = join;
    this.metrics = metrics;
  }

  RuntimeMetrics metrics() {
    return metrics;
  }

  /** From any thread. */
  void execute(Runnable work) {
    loop.execute(work);
  }

  void later(Runnable work) {
    timer.accept(work);
  }

  Future<Joined> join(String sessionId) {
    return join.apply(sessionId);
  }

  SessionFanout fanout(EventLog log) {
    List<SessionFanout> ofSession = fanouts.computeIfAbsent(log.sessionId(), id -> new ArrayList<>(1));
    for (SessionFanout fanout : ofSession) {
      if (fanout.log() == log) {
        return fanout;
      }
    }
    SessionFanout fanout = new SessionFanout(this, log);
    ofSession.add(fanout);
    return fanout;
  }

  void forget(SessionFanout fanout) {
    fanouts.computeIfPresent(fanout.log().sessionId(), (id, ofSession) -> {
      ofSession.remove(fanout);
      return ofSession.isEmpty() ? null : ofSession;
    });
  }

  void watch(LifecycleSink sink) {
    watchers.add(sink);
  }

  void unwatch(LifecycleSink sink) {
    watchers.remove(sink);
  }

  void lifecycle(LifecycleEvent event) {
    switch (event) {
      case LifecycleEvent.Loaded loaded -> ofSession(loaded.sessionId()).forEach(SessionFanout::sessionLoaded);
      case LifecycleEvent.Deleted deleted -> ofSession(deleted.sessionId()).forEach(SessionFanout::sessionDeleted);
      case LifecycleEvent.Created created -> { }
      case LifecycleEvent.Unloaded unloaded -> { }
      case LifecycleEvent.Status status -> { }
    }
    if (!watchers.isEmpty()) {
      byte[] json = LifecycleEvent.encode(event);
      List.copyOf(watchers).forEach(watcher -> watcher.lifecycle(event, json));
    }
  }

  private List<SessionFanout> ofSession(String sessionId) {
    return List.copyOf(fanouts.getOrDefault(sessionId, List.of()));
  }
}
