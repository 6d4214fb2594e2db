package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.toy.StoredEnds;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A turn has ended, for all who watch, in a sandbox that no other server can reach, and the store does not know yet how. */
class UnstoredEndTest {

  private final InMemoryPersistence store = ToyServer.store();
  private final Promise<Void> mayBeStored = Promise.promise();

  /** The end is stored when the test says so, and all else at once. */
  private PersistenceAdapter slow() {
    return Intercepted.of(PersistenceAdapter.class, store, (method, arguments, real) -> {
      boolean end = method.getName().equals("saveTranscript") && arguments[4].toString().contains("session:turn:completed");
      return end ? mayBeStored.future().compose(v -> (Future<?>) real.get()) : real.get();
    });
  }

  @Test
  void noOtherServerTakesTheSessionAndEndsTheTurnAgain() {
    ToyWorld world = new ToyWorld(false);
    Map<String, String> settings = Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "3600000");
    try (ToyServer first = new ToyServer(world, slow(), settings, "first"); ToyServer second = new ToyServer(world, store, settings, "second")) {
      String session = first.newSession();
      Follower follower = first.follow(session);
      Promise<Object> named = Promise.promise();
      first.sessions.watch(event -> {
        // The turn is over and its end not written: the record is, for another reason.
        if (event instanceof LifecycleEvent.Status status && status.runtime().sandbox() != null && !status.runtime().works()) {
          first.sessions.patch(session, "named", null).onComplete(done -> named.tryComplete());
        }
      });
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
}
