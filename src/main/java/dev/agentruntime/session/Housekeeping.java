package dev.agentruntime.session;

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

/** What is done for all sessions unasked: taking up what was cut off, saving, unloading the idle, ending sandboxes that nobody owns. */
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

  Housekeeping(Services services, LoadedSessions loaded, SandboxCensus census) {
    this.services = services;
    this.loaded = loaded;
    this.census = census;
    this.context = ((VertxInternal) services.vertx()).createEventLoopContext();
  }

  Future<Void> start() {
    List<String> cutOff = new ArrayList<>();
    return SessionPages.read(services.persistence()::listRecoverableSessions, record -> cutOff.add(record.sessionId()))
        .compose(v -> takeUp(cutOff).timeout(TAKE_UP_MS, TimeUnit.MILLISECONDS).otherwiseEmpty()).onSuccess(v -> {
      long idleMs = services.settings().idleTimeoutMs();
      every(Math.max(MIN_PERIOD_MS, Math.min(idleMs / 4, MAX_IDLE_PERIOD_MS)), this::unloadIdle);
      every(Math.max(MIN_PERIOD_MS, services.settings().syncIntervalMs()), this::saveChanged);
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

  private Future<Void> takeUp(List<String> cutOff) {
    List<Future<byte[]>> loading = cutOff.stream().map(id -> loaded.call(id, new SessionCommand.Get())
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

  private void saveChanged() {
    for (SessionVerticle session : loaded.verticles()) {
      if (session.dirty()) {
        session.submit(new SessionCommand.Sync());
      }
    }
  }

  private void endOrphans() {
    census.take().onSuccess(all -> all.stream().filter(sandbox -> sandbox.state() == State.ORPHANED).forEach(this::end))
        .onFailure(e -> log.warn("the sandboxes could not be listed: {}", e.toString()));
  }

  private void end(SandboxItem sandbox) {
    log.warn("sandbox {} of session {} is owned by nobody and is ended", sandbox.sandboxId(), sandbox.sessionId());
    services.sandboxes().terminate(sandbox.sandboxId())
        .onFailure(e -> log.error("sandbox {} could not be ended: {}", sandbox.sandboxId(), e.getMessage()));
  }
}
