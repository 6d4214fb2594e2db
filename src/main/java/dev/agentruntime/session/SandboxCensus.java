package dev.agentruntime.session;

import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.RuntimeState.SandboxStatus;
import dev.agentruntime.protocol.SandboxItem;
import dev.agentruntime.protocol.SandboxItem.State;
import dev.agentruntime.sandbox.SandboxProvider.SandboxInfo;
import io.vertx.core.Future;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Which sandboxes there are, and who owns each. A session owns what it has in memory, here or on another server, and what its record means:
 * the record knows of a sandbox before it is made. Thread-safe.
 */
final class SandboxCensus {

  private final Services services;
  private final LoadedSessions loaded;

  SandboxCensus(Services services, LoadedSessions loaded) {
    this.services = services;
    this.loaded = loaded;
  }

  /** Every sandbox of this runtime, the oldest first. */
  Future<List<SandboxItem>> take() {
    return services.sandboxes().list().compose(all -> {
      List<Future<SandboxItem>> items = all.stream().map(this::item).toList();
      return Future.all(items).map(done -> items.stream().map(Future::result)
          .sorted(Comparator.comparingLong(SandboxItem::createdAt).thenComparing(SandboxItem::sandboxId)).toList());
    });
  }

  private Future<SandboxItem> item(SandboxInfo sandbox) {
    return state(sandbox).map(state -> new SandboxItem(sandbox.sandboxId(), sandbox.sessionId(), sandbox.createdAt(),
        Math.max(0, services.clock().millis() - sandbox.createdAt()), state));
  }

  private Future<State> state(SandboxInfo sandbox) {
    State here = stateHere(sandbox);
    if (here != null) {
      return Future.succeededFuture(here);
    }
    // Who cannot be asked may own it.
    return services.persistence().findSession(sandbox.sessionId()).transform(found ->
        Future.succeededFuture(found.failed() || means(found.result(), sandbox) ? State.DETACHED : State.ORPHANED));
  }

  private static boolean means(Optional<SessionRecord> record, SandboxInfo sandbox) {
    return record.map(SessionRecord::recovery).map(Recovery::of).filter(recovery -> recovery.means(sandbox)).isPresent();
  }

  /** @return {@code null} if the session here does not own it */
  private State stateHere(SandboxInfo sandbox) {
    if (loaded.isLoaded(sandbox.sessionId()) && !loaded.isReady(sandbox.sessionId())) {
      return State.DETACHED;
    }
    RuntimeState.Sandbox own = loaded.runtime(sandbox.sessionId()).sandbox();
    if (own == null || own.status() == SandboxStatus.TERMINATED) {
      return null;
    }
    boolean same = sandbox.sandboxId().equals(own.sandboxId());
    return switch (own.status()) {
      case STARTING -> State.STARTING;
      case READY -> same ? State.READY : null;
      case UNHEALTHY -> same ? State.UNHEALTHY : null;
      case TERMINATED -> null;
    };
  }
}
