package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.AgentProfileDetails;
import dev.agentruntime.protocol.AgentProfileInfo;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.Position;
import dev.agentruntime.protocol.SandboxItem;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SessionList;
import dev.agentruntime.protocol.SessionListItem;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.WorkspaceFile;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.ContextInternal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The door to all sessions. Threading: called from any thread, never blocks; futures complete on the caller's context. Refusals are
 * {@link ApiException}s.
 */
public final class SessionManager {

  private static final Logger log = LoggerFactory.getLogger(SessionManager.class);
  /** A store that takes longer is as good as away. */
  private static final long MAX_PING_TIMEOUT_MS = 5_000;

  private final Services services;
  private final Lifecycle lifecycle = new Lifecycle();
  private final SessionBus bus;
  private final LoadedSessions loaded;
  private final SessionCreation creation;
  private final SandboxCensus sandboxes;
  private final Housekeeping housekeeping;
  private volatile boolean draining;
  private Ping lastPing;

  private record Ping(Future<Void> answer, long begunNanos) {}

  public SessionManager(Services services) {
    this.services = services;
    this.bus = new SessionBus(services.vertx(), this);
    this.loaded = new LoadedSessions(services, lifecycle, bus::events);
    this.creation = new SessionCreation(services);
    this.sandboxes = new SandboxCensus(services, loaded);
    this.housekeeping = new Housekeeping(services, loaded, sandboxes);
    lifecycle.add(bus::publish);
  }

  /** Opens the addresses on the bus, takes up sessions that were cut off, as far as that takes seconds, and starts the background work. */
  public Future<Void> start() {
    return bus.start().compose(v -> bus.isDistributed() ? registerAll() : Future.succeededFuture()).compose(v -> housekeeping.start());
  }

  private Future<Void> registerAll() {
    List<Future<Void>> addresses = new ArrayList<>();
    return SessionPages.read(services.persistence()::listAllSessions, record -> addresses.add(bus.register(record.sessionId())))
        .compose(v -> Future.all(addresses)).mapEmpty();
  }

  /** Takes no new work from now on, and is not ready any more. */
  public void drain() {
    draining = true;
  }

  /**
   * Takes no new work, saves everything, and ends the sandboxes in which nothing runs, and those that no session owns and no other server can
   * reach. A turn that runs goes on in its sandbox, and the next runtime on this store picks it up. Takes no longer than
   * {@code shutdownGraceMs}: who cannot be saved by then is left as it is.
   */
  public Future<Void> shutdown() {
    drain();
    loaded.loadNoMore();
    creation.close();
    housekeeping.stop();
    List<Future<Void>> closing = new ArrayList<>();
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(services.settings().shutdownGraceMs());
    loaded.ids().forEach(id -> closing.add(loaded.close(id, new SessionCommand.HandOver())
        .timeout(services.settings().shutdownGraceMs(), TimeUnit.MILLISECONDS)
        .onFailure(e -> log.error("session {} was not saved within the time of a shutdown: {}", id, e.toString()))));
    return Future.join(closing)
        .transform(done -> housekeeping.endUnreachable().timeout(Math.max(1, deadline - System.nanoTime()), TimeUnit.NANOSECONDS))
        .transform(done -> bus.stop());
  }

  /** Makes the record and stores the first files, all or nothing; no sandbox. */
  public Future<CreateSession.Created> create(CreateSession request) {
    return answer(() -> {
      refuseIfDraining();
      RequestRules.check(request);
      return creation.create(request).compose(record -> bus.register(record.sessionId()).map(record)).map(record -> {
        SessionListItem item = listItem(record);
        lifecycle.tell(new LifecycleEvent.Created(record.sessionId(), item));
        return new CreateSession.Created(record.sessionId(), item.runtime(), record.createdAt(), record.sessionOptions());
      });
    });
  }

  /** Newest first. @param after the {@code next} of the page before, or {@code null} */
  public Future<SessionList> list(int limit, String after) {
    return answer(() -> {
      RequestRules.checkPage(limit, after);
      return SessionStore.measured(services.metrics(), () -> services.persistence().listAllSessions(limit, after))
          .map(page -> new SessionList(page.sessions().stream().map(this::listItem).toList(), page.next()));
    });
  }

  /** The {@code SessionSnapshot} as UTF-8 JSON, shared, never to be written to. Loads the session, starts no sandbox. */
  public Future<byte[]> get(String sessionId) {
    return call(sessionId, new SessionCommand.Get());
  }

  /**
   * Accepts a message: done when it is stored. A {@code messageId} that came before is answered as it was then. Refuses with
   * {@code QUEUE_FULL}, {@code SESSION_BUSY}, {@code STORE_FAILED} while the store is known to be away, {@code NOT_READY} while draining.
   * Fails with a {@code STORE_FAILED} that says so if the store does not answer: then it may be stored, and runs once when the store is back.
   */
  public Future<SendMessage.Accepted> message(String sessionId, SendMessage message) {
    return answer(() -> {
      refuseIfDraining();
      RequestRules.check(message);
      return loaded.call(known(sessionId), new SessionCommand.Send(message));
    });
  }

  /** Stops the running turn, if there is one. Done when the agent is told, not when the turn has ended. */
  public Future<Void> interrupt(String sessionId) {
    return call(sessionId, new SessionCommand.Interrupt());
  }

  /** @param name {@code null} leaves it; @param metadata {@code null} leaves it, else it takes the place of the old */
  public Future<SessionListItem> patch(String sessionId, String name, ObjectNode metadata) {
    return answer(() -> {
      RequestRules.checkPatch(name, metadata);
      return loaded.call(known(sessionId), new SessionCommand.Patch(name, metadata));
    });
  }

  /** Merges (a null removes a field) and gives the options in force. */
  public Future<ObjectNode> options(String sessionId, ObjectNode sessionOptions) {
    return answer(() -> {
      RequestRules.checkOptions(sessionOptions);
      return loaded.call(known(sessionId), new SessionCommand.MergeOptions(sessionOptions));
    });
  }

  /** Saves transcript, files and record now. */
  public Future<Void> sync(String sessionId) {
    return call(sessionId, new SessionCommand.Sync());
  }

  /**
   * Saves, ends the sandbox and frees the memory; turns that run or wait end as interrupted. Fails with {@code STORE_FAILED}, and the session
   * stays as it is, while the store is away.
   */
  public Future<Void> unload(String sessionId) {
    return answer(() -> {
      if (loaded.isLoaded(known(sessionId))) {
        return loaded.close(sessionId, new SessionCommand.Unload());
      }
      // One that has something running has it on another server, or was left by one.
      return services.persistence().findSession(sessionId).compose(record ->
          record.orElseThrow(() -> ApiException.sessionNotFound(sessionId)).recovery() == null ? Future.succeededFuture()
              : loaded.close(sessionId, new SessionCommand.Unload()));
    });
  }

  /** As {@link #unload(String)}, under the name of the embedding API. */
  public Future<Void> unloadSession(String sessionId) {
    return unload(sessionId);
  }

  /** Ends what runs and erases everything stored. Fails with {@code STORE_FAILED}, and nothing has ended, while the store is away. */
  public Future<Void> delete(String sessionId) {
    return answer(() -> loaded.close(known(sessionId), new SessionCommand.Delete())
        .recover(failure -> eraseUnloaded(sessionId, failure))
        .onSuccess(v -> {
          bus.unregisterLater(sessionId);
          lifecycle.tell(new LifecycleEvent.Deleted(sessionId));
        }));
  }

  /** A session that cannot be loaded can be deleted all the same; a sandbox that it left is nobody's then, and is ended as such. */
  private Future<Void> eraseUnloaded(String sessionId, Throwable failure) {
    if (loaded.isLoaded(sessionId) || failure instanceof ApiException refusal && refusal.code() == ErrorCode.SESSION_NOT_FOUND) {
      return Future.failedFuture(failure);
    }
    String epoch = UUID.randomUUID().toString();
    return services.persistence().loadSession(sessionId, epoch).compose(stored -> {
      stored.orElseThrow(() -> ApiException.sessionNotFound(sessionId));
      return services.persistence().deleteSession(sessionId, epoch);
    });
  }

  /** @param since where the reader stands, or {@code null} for a snapshot */
  public Future<Joined> join(String sessionId, Position since) {
    return call(sessionId, new SessionCommand.Join(since));
  }

  /** With the contents of small ones. */
  public Future<List<WorkspaceFile>> listFiles(String sessionId) {
    return call(sessionId, new SessionCommand.ListFiles());
  }

  public Future<WorkspaceFile> statFile(String sessionId, String path) {
    return call(sessionId, new SessionCommand.StatFile(path));
  }

  /** Up to {@code length} bytes of a file from {@code offset}; fewer only at the end. */
  public Future<Buffer> readFile(String sessionId, String path, long offset, int length) {
    return call(sessionId, new SessionCommand.ReadFile(path, offset, length));
  }

  /** @return true if the file is new */
  public Future<Boolean> writeFile(String sessionId, String path, Buffer content) {
    return call(sessionId, new SessionCommand.WriteFile(path, content));
  }

  /** Fails with {@code FILE_NOT_FOUND} if there is none. */
  public Future<Void> deleteFile(String sessionId, String path) {
    return call(sessionId, new SessionCommand.DeleteFile(path));
  }

  /** Every sandbox of this runtime, the oldest first. */
  public Future<List<SandboxItem>> sandboxes() {
    return answer(sandboxes::take);
  }

  public Future<List<AgentProfileInfo>> profiles() {
    return answer(() -> services.profiles().list());
  }

  public Future<AgentProfileDetails> profile(String profileId) {
    return answer(() -> services.profiles().details(profileId));
  }

  /**
   * Creates or replaces a profile of the store.
   *
   * @param condition what the stored version has to be, {@code null} standing for none
   * @return empty, and nothing is changed, if it is another
   */
  public Future<Optional<SavedProfile>> saveProfile(String profileId, ObjectNode document, Predicate<String> condition) {
    return answer(() -> services.profiles().save(profileId, document, condition));
  }

  /** @return false, and nothing is changed, if the stored version is none that {@code condition} accepts */
  public Future<Boolean> deleteProfile(String profileId, Predicate<String> condition) {
    return answer(() -> services.profiles().delete(profileId, condition));
  }

  /** @param listener called on any thread; must return at once */
  public void watch(Consumer<LifecycleEvent> listener) {
    lifecycle.add(listener);
  }

  public void unwatch(Consumer<LifecycleEvent> listener) {
    lifecycle.remove(listener);
  }

  /** Empty when ready for new work; otherwise what is wrong, in sentences. */
  public Future<List<String>> readiness() {
    List<String> problems = new ArrayList<>();
    if (draining) {
      problems.add("The server is shutting down.");
    }
    long failing = loaded.verticles().stream().filter(SessionVerticle::failing).count();
    if (failing > 0) {
      problems.add(failing == 1 ? "1 session could not be saved." : failing + " sessions could not be saved.");
    }
    return onCaller(ping().timeout(pingTimeoutMs(), TimeUnit.MILLISECONDS).transform(ping -> {
      if (ping.failed()) {
        problems.add("The store cannot be reached.");
      }
      return Future.succeededFuture(problems);
    }));
  }

  /** One that is not answered does for all who ask meanwhile: whoever asks often takes no connection from those that save. */
  private synchronized Future<Void> ping() {
    if (lastPing == null || lastPing.answer.isComplete()
        || System.nanoTime() - lastPing.begunNanos >= TimeUnit.MILLISECONDS.toNanos(pingTimeoutMs())) {
      lastPing = new Ping(services.persistence().ping(), System.nanoTime());
    }
    return lastPing.answer;
  }

  /** No longer than after which sessions say that the store does not answer. */
  private long pingTimeoutMs() {
    return Math.min(MAX_PING_TIMEOUT_MS, services.settings().storeSilenceMs());
  }

  /** Ids of the sessions in memory. */
  public Set<String> getLoadedSessions() {
    return loaded.ids();
  }

  /** A session in memory; empty if it is not loaded. */
  public Optional<LoadedSession> getSession(String sessionId) {
    return loaded.isLoaded(sessionId) ? Optional.of(new LoadedSession(sessionId, this)) : Optional.empty();
  }

  Future<SessionSnapshot> state(String sessionId) {
    return call(sessionId, new SessionCommand.GetState());
  }

  private <R> Future<R> call(String sessionId, SessionCommand<R> command) {
    return answer(() -> loaded.call(known(sessionId), command));
  }

  /** Only what can be the id of a session is looked for. */
  private static String known(String sessionId) {
    if (!isSessionId(sessionId)) {
      throw ApiException.sessionNotFound(sessionId);
    }
    return sessionId;
  }

  /** Whether this may be the id of a session. */
  static boolean isSessionId(String text) {
    try {
      return UUID.fromString(text).toString().equals(text);
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private void refuseIfDraining() {
    if (draining) {
      throw new ApiException(ErrorCode.NOT_READY, "The server is shutting down.");
    }
  }

  private SessionListItem listItem(SessionRecord record) {
    return new SessionListItem(record.sessionId(), record.type(), record.agentProfileReference(), record.name(), record.createdAt(),
        record.lastActivity(), record.sessionOptions(), record.metadata(), loaded.runtime(record.sessionId()));
  }

  /** Every failure comes out as a refusal in the words of the API. */
  private <R> Future<R> answer(Supplier<Future<R>> call) {
    Future<R> result;
    try {
      result = call.get();
    } catch (Exception e) {
      result = Future.failedFuture(e);
    }
    return onCaller(result.recover(failure -> Future.failedFuture(ErrorTranslation.toApi(failure))));
  }

  private <R> Future<R> onCaller(Future<R> result) {
    Promise<R> promise = ((ContextInternal) services.vertx().getOrCreateContext()).promise();
    result.onComplete(promise);
    return promise.future();
  }
}
