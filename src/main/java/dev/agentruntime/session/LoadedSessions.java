package dev.agentruntime.session;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import io.vertx.core.Context;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.ThreadingModel;
import io.vertx.core.internal.VertxInternal;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The sessions in memory: loads one when it is first needed, and takes it out again. Thread-safe. */
final class LoadedSessions {

  private static final Logger log = LoggerFactory.getLogger(LoadedSessions.class);
  private static final DeploymentOptions VIRTUAL_THREAD = new DeploymentOptions().setThreadingModel(ThreadingModel.VIRTUAL_THREAD);

  private static final class Entry {
    final SessionVerticle verticle;
    final Promise<SessionVerticle> ready = Promise.promise();
    /** Done when the session has left memory and may be loaded anew. */
    final Promise<Void> gone = Promise.promise();
    volatile String deploymentId;

    Entry(SessionVerticle verticle) {
      this.verticle = verticle;
    }
  }

  private final Services services;
  private final Lifecycle lifecycle;
  private final Function<String, Consumer<Frame>> outlets;
  /** Of our own: what is deployed on a verticle's context goes when that verticle does. */
  private final Context context;
  private final Map<String, Entry> entries = new ConcurrentHashMap<>();
  private volatile boolean draining;

  /** @param outlets by a session's id, what is given each of its frames */
  LoadedSessions(Services services, Lifecycle lifecycle, Function<String, Consumer<Frame>> outlets) {
    this.services = services;
    this.lifecycle = lifecycle;
    this.outlets = outlets;
    this.context = ((VertxInternal) services.vertx()).createEventLoopContext();
  }

  /** Does a command, loading the session if need be. */
  <R> Future<R> call(String sessionId, SessionCommand<R> command) {
    return call(sessionId, command, false);
  }

  /** Loads a session whose server has died. */
  Future<Void> takeUp(String sessionId) {
    return Future.succeededFuture().compose(v -> call(sessionId, new SessionCommand.Get(), true)).mapEmpty();
  }

  private <R> Future<R> call(String sessionId, SessionCommand<R> command, boolean takesOver) {
    Entry entry = entry(sessionId, takesOver);
    return entry.ready.future().compose(verticle -> verticle.submit(command)).recover(failure ->
        failure instanceof SessionClosedException
            ? entry.gone.future().compose(v -> call(sessionId, command, false))
            : Future.failedFuture(ErrorTranslation.toApi(failure)));
  }

  /**
   * Does the command that is a session's last, and takes it out of memory whether or not it worked, unless it is unloaded while it cannot be
   * saved: then it stays, and the answer says so.
   */
  Future<Void> close(String sessionId, SessionCommand<Void> last) {
    Entry entry;
    try {
      entry = entry(sessionId, false);
    } catch (ApiException e) {
      return Future.failedFuture(e);
    }
    return entry.ready.future().compose(verticle -> verticle.submit(last)).transform(done -> {
      if (done.failed() && done.cause() instanceof SessionInUseException) {
        return Future.succeededFuture();
      }
      if (done.failed() && done.cause() instanceof SessionUnsavedException unsaved) {
        return Future.failedFuture(new ApiException(ErrorCode.STORE_FAILED,
            "The store or the sandbox does not answer, so the session stays as it is; try again later.", unsaved.getCause()));
      }
      if (done.failed() && done.cause() instanceof SessionClosedException) {
        return entry.gone.future().compose(v -> last instanceof SessionCommand.Delete ? close(sessionId, last) : Future.succeededFuture());
      }
      return remove(sessionId, entry).compose(v ->
          done.succeeded() ? Future.<Void>succeededFuture() : Future.failedFuture(ErrorTranslation.toApi(done.cause())));
    });
  }

  /** In memory, or on its way there. */
  boolean isLoaded(String sessionId) {
    return entries.containsKey(sessionId);
  }

  /** In memory, and all is known of it. */
  boolean isReady(String sessionId) {
    Entry entry = entries.get(sessionId);
    return entry != null && entry.ready.future().succeeded();
  }

  /** From now on no session is loaded any more. */
  void loadNoMore() {
    draining = true;
  }

  Set<String> ids() {
    return Set.copyOf(entries.keySet());
  }

  /** What runs for a session, as far as is known without asking it. */
  RuntimeState runtime(String sessionId) {
    Entry entry = entries.get(sessionId);
    return entry == null ? RuntimeState.UNLOADED : entry.verticle.runtime();
  }

  Collection<SessionVerticle> verticles() {
    return entries.values().stream().filter(entry -> entry.ready.future().succeeded()).map(entry -> entry.verticle).toList();
  }

  List<String> idleFor(long ms) {
    return entries.entrySet().stream()
        .filter(entry -> entry.getValue().ready.future().succeeded() && entry.getValue().verticle.idleForMs() >= ms)
        .map(Map.Entry::getKey).toList();
  }

  private Entry entry(String sessionId, boolean takesOver) {
    Entry known = entries.get(sessionId);
    if (known != null) {
      return known;
    }
    if (draining) {
      throw new ApiException(ErrorCode.NOT_READY, "The server is shutting down.");
    }
    if (entries.size() >= services.settings().limits().loadedSessions()) {
      throw new ApiException(ErrorCode.NOT_READY, "The server has reached its limit of loaded sessions; try again later.");
    }
    Entry made = new Entry(new SessionVerticle(services, sessionId, takesOver, outlet(sessionId), how -> lost(sessionId, how)));
    Entry raced = entries.putIfAbsent(sessionId, made);
    if (raced != null) {
      return raced;
    }
    context.runOnContext(v -> services.vertx().deployVerticle(made.verticle, VIRTUAL_THREAD).onComplete(deployed -> {
      if (deployed.succeeded()) {
        made.deploymentId = deployed.result();
        services.metrics().sessionsLoaded.incrementAndGet();
        lifecycle.tell(new LifecycleEvent.Loaded(sessionId));
        made.ready.complete(made.verticle);
      } else {
        entries.remove(sessionId, made);
        made.gone.complete();
        made.ready.fail(deployed.cause());
      }
    }));
    return made;
  }

  private Consumer<Frame> outlet(String sessionId) {
    return outlets.apply(sessionId).andThen(frame -> {
      if (frame.event() instanceof SessionEvent.StatusChanged status) {
        lifecycle.tell(new LifecycleEvent.Status(sessionId, status.runtime()));
      }
    });
  }

  private void lost(String sessionId, SessionSync.Loss how) {
    Entry entry = entries.get(sessionId);
    if (entry == null) {
      return;
    }
    log.warn("session {} was {} by another server", sessionId, how == SessionSync.Loss.ERASED ? "deleted" : "taken over");
    // It may have been lost at once, on its way into memory.
    entry.verticle.abandon(how).compose(v -> entry.ready.future()).compose(v -> remove(sessionId, entry)).onSuccess(v -> {
      if (how == SessionSync.Loss.ERASED) {
        lifecycle.tell(new LifecycleEvent.Deleted(sessionId));
      }
    });
  }

  private Future<Void> remove(String sessionId, Entry entry) {
    if (entry.deploymentId == null) {
      return Future.succeededFuture();
    }
    return services.vertx().undeploy(entry.deploymentId).transform(v -> {
      if (entries.remove(sessionId, entry)) {
        services.metrics().sessionsLoaded.decrementAndGet();
        lifecycle.tell(new LifecycleEvent.Unloaded(sessionId));
      }
      entry.gone.tryComplete();
      return Future.succeededFuture();
    });
  }
}
