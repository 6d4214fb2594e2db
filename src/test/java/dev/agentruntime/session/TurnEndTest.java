package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TroubledStore;
import dev.agentruntime.support.toy.StoredEnds;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How a turn has ended is stored before anybody is told. */
class TurnEndTest {

  private static final Map<String, String> SETTINGS = Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "3600000");

  private final InMemoryPersistence store = ToyServer.store();
  private final Promise<Void> isToBeStored = Promise.promise();
  private final Promise<Void> mayBeStored = Promise.promise();

  /** The end is stored when the test says so, and all else at once. */
  private PersistenceAdapter slow() {
    return Intercepted.of(PersistenceAdapter.class, store, (method, arguments, real) -> {
      boolean end = method.getName().equals("saveTranscript") && arguments[4].toString().contains("session:turn:completed");
      if (!end) {
        return real.get();
      }
      isToBeStored.tryComplete();
      return mayBeStored.future().compose(v -> (Future<?>) real.get());
    });
  }

  @Test
  void nobodyIsToldBefore() {
    try (ToyServer server = new ToyServer(new ToyWorld(), slow(), SETTINGS)) {
      String session = server.newSession();
      Follower follower = server.follow(session);
      String turn = await(server.send(session, "say all")).turnId();
      await(isToBeStored.future());
      assertThat(runningTurn(server, session).turnId()).isEqualTo(turn);
      mayBeStored.complete();
      assertThat(follower.awaitTurn(turn).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(StoredEnds.of(store, session)).hasSize(1);
      follower.assertFoldIsSnapshot();
    }
  }

  @Test
  void whoHasLostTheSessionMeanwhileTellsNothing() {
    ToyWorld world = new ToyWorld();
    try (ToyServer first = new ToyServer(world, slow(), SETTINGS, "first"); ToyServer second = new ToyServer(world, store, SETTINGS, "second")) {
      String session = first.newSession();
      Follower before = first.follow(session);
      String turn = await(first.send(session, "say all")).turnId();
      await(isToBeStored.future());
      // It may have ended there before anybody could follow it.
      SandboxTraces.await(() -> runningTurn(second, session) == null, () -> "the turn runs");
      mayBeStored.complete();
      before.await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.CONFLICT);
      assertThat(before.events()).noneMatch(SessionEvent.TurnCompleted.class::isInstance);
      assertThat(StoredEnds.of(store, session)).singleElement().satisfies(end -> {
        assertThat(end.path("turnId").asText()).isEqualTo(turn);
        assertThat(end.path("outcome").asText()).isEqualTo("success");
      });
    }
  }

  @Test
  void aStoreThatDoesNotAnswerIsNotWaitedForWithoutEnd() {
    try (ToyServer server = new ToyServer(new ToyWorld(), slow(), SETTINGS)) {
      String session = server.newSession();
      Follower follower = server.follow(session);
      String turn = await(server.send(session, "say all")).turnId();
      assertThat(follower.awaitTurn(turn).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(StoredEnds.of(store, session)).isEmpty();
      mayBeStored.complete();
      await(server.sessions.sync(session));
      assertThat(StoredEnds.of(store, session)).hasSize(1);
    }
  }

  /** Since the store was away. The sandbox is one that no other server can reach. */
  @Test
  void noOtherServerTakesASessionWhoseEndIsToldAndNotStored() {
    ToyWorld world = new ToyWorld(false);
    TroubledStore troubled = new TroubledStore(slow());
    try (ToyServer first = new ToyServer(world, troubled.adapter(), SETTINGS, "first");
         ToyServer second = new ToyServer(world, store, SETTINGS, "second")) {
      String session = first.newSession();
      Follower follower = first.follow(session);
      Promise<Object> named = Promise.promise();
      first.sessions.watch(event -> {
        // The turn is over and its end not written: the record is, for another reason.
        if (event instanceof LifecycleEvent.Status status && status.runtime().sandbox() != null && !status.runtime().works()) {
          first.sessions.patch(session, "named", null).onComplete(done -> named.tryComplete());
        }
      });
      troubled.failOnce("session:turn:completed");
      String turn = await(first.send(session, "say all")).turnId();
      assertThat(follower.awaitTurn(turn).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      await(named.future());
      assertThatThrownBy(() -> await(second.sessions.get(session))).isInstanceOfSatisfying(ApiException.class,
          e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT));
      mayBeStored.complete();
      await(first.sessions.sync(session));
      await(second.sessions.get(session));
      assertThat(StoredEnds.of(store, session)).extracting(end -> end.path("outcome").asText()).isEqualTo(List.of("success"));
    }
  }

  /** @return {@code null} if none runs */
  private static RuntimeState.Turn runningTurn(ToyServer server, String session) {
    return Follower.snapshot(await(server.sessions.get(session))).session().runtime().turn();
  }
}
