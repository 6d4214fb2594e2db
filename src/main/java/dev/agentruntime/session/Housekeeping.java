package dev.agentruntime.session;

import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.SandboxItem;
import dev.agentruntime.protocol.SandboxItem.State;
import io.vertx.core.Future;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.VertxInternal;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is done for all sessions unasked: taking up what was cut off here or by the death of another server, telling the store that this one
 * lives, saving, unloading the idle, ending sandboxes that nobody owns.
 */
final class Housekeeping {

  private static final Logger log = LoggerFactory.getLogger(Housekeeping.class);
  private static final long MIN_PERIOD_MS = 50;
  private static final long MAX_IDLE_PERIOD_MS = 15_000;
  /** A sandbox that cannot be reached now is waited for by its session alone, and not by all who want to use the server. */
  private static final long TAKE_UP_MS = 5_000;

  private final Services services;
  private final LoadedSessions loaded;
  private final SandboxCensus census;
  /** Of our own: a timer that is set on a session's context ends with that session. */
  private final ContextInternal context;
  private final List<Long> timers = new ArrayList<>();
  private final OtherServers others = new OtherServers();
  private boolean looking;

  Housekeeping(Services services, LoadedSessions loaded, SandboxCensus census) {
    this.services = services;
    this.loaded = loaded;
    this.census = census;
    this.context = ((VertxInternal) services.vertx()).createEventLoopContext();
  }

  Future<Void> start() {
    return recoverable().compose(all -> takeUp(all.stream().filter(this::isOurs).map(SessionRecord::sessionId).toList())
        .timeout(TAKE_UP_MS, TimeUnit.MILLISECONDS).otherwiseEmpty()).onSuccess(v -> {
      long idleMs = services.settings().idleTimeoutMs();
      every(Math.max(MIN_PERIOD_MS, Math.min(idleMs / 4, MAX_IDLE_PERIOD_MS)), this::unloadIdle);
      every(Math.max(MIN_PERIOD_MS, services.settings().syncIntervalMs()), () -> {
        loaded.verticles().forEach(session -> session.submit(new SessionCommand.Beat()));
        takeUpAbandoned();
      });
      every(services.settings().sandbox().sweepIntervalMs(), this::endOrphans);
      endOrphans();
    });
  }

  void stop() {
    timers.forEach(services.vertx()::cancelTimer);
    timers.clear();
  }

  private void every(long periodMs, Runnable work) {
    timers.add(context.setPeriodic(periodMs, timer -> work.run()));
  }

  private Future<List<SessionRecord>> recoverable() {
    List<SessionRecord> all = new ArrayList<>();
    return SessionPages.read(services.persistence()::listRecoverableSessions, all::add).map(all);
  }

  /** Whether it was left by an earlier run of this server, or by one that has left it to all. */
  private boolean isOurs(SessionRecord record) {
    Recovery.Owner owner = Recovery.of(record.recovery()).owner();
    return owner == null || owner.node().equals(services.node());
  }

  private void takeUpAbandoned() {
    if (looking) {
      return;
    }
    looking = true;
    recoverable().onComplete(listed -> context.runOnContext(v -> {
      looking = false;
      if (listed.failed()) {
        others.startAnew();
        return;
      }
      takeUp(others.abandoned(listed.result().stream().filter(record -> !loaded.isLoaded(record.sessionId())).toList()));
    }));
  }

  private Future<Void> takeUp(List<String> cutOff) {
    List<Future<Void>> loading = cutOff.stream().map(id -> loaded.takeUp(id)
        .onFailure(e -> log.error("session {} was cut off and could not be taken up again", id, e))).toList();
    return Future.join(loading).transform(done -> {
      if (!cutOff.isEmpty()) {
        log.info("took up {} sessions that were cut off", loading.stream().filter(Future::succeeded).count());
      }
      return Future.succeededFuture();
    });
  }

  private void unloadIdle() {
    for (String id : loaded.idleFor(services.settings().idleTimeoutMs())) {
      log.info("session {} is idle and is unloaded", id);
      loaded.close(id, new SessionCommand.UnloadIdle(services.settings().idleTimeoutMs()))
          .onFailure(e -> log.warn("unloading session {} failed: {}", id, e.toString()));
    }
  }

  /** What no session owns any more ends before this server does, if no other one can reach it. */
  Future<Void> endUnreachable() {
    return services.sandboxes().shared() ? Future.succeededFuture() : endOrphans();
  }

  private Future<Void> endOrphans() {
    return census.take().onFailure(e -> log.warn("the sandboxes could not be listed: {}", e.toString()))
        .compose(all -> Future.join(all.stream().filter(sandbox -> sandbox.state() == State.ORPHANED).map(this::end).toList())).mapEmpty();
  }

  private Future<Void> end(SandboxItem sandbox) {
    log.warn("sandbox {} of session {} is owned by nobody and is ended", sandbox.sandboxId(), sandbox.sessionId());
    return services.sandboxes().terminate(sandbox.sandboxId())
        .onFailure(e -> log.error("sandbox {} could not be ended: {}", sandbox.sandboxId(), e.getMessage()));
  }
}
