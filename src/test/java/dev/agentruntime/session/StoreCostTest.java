package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a message waits for in the store before its agent is given it. */
class StoreCostTest {

  private final List<String> writes = new CopyOnWriteArrayList<>();
  private final InMemoryPersistence memory = ToyServer.store();
  private final PersistenceAdapter store = Intercepted.of(PersistenceAdapter.class, memory, (method, arguments, real) -> {
    if (method.getName().matches("save.*|update.*|replace.*")) {
      writes.add(method.getName());
    }
    return real.get();
  });
  private final ToyServer server = new ToyServer(new ToyWorld(), store, Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "3600000"));

  @AfterEach
  void close() {
    server.close();
  }

  @Test
  void thatItIsAcceptedAndThatItIsGivenAndTheTimeOfTheLastActivityFollows() {
    String session = server.newSession();
    Follower follower = server.follow(session);
    follower.awaitTurn(await(server.send(session, "say warm")).turnId());
    await(server.sessions.sync(session));
    writes.clear();
    String turnId = await(server.send(session, "hang")).turnId();
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().equals("hang"));
    assertThat(writes).startsWith("saveTranscript", "saveTranscript", "updateSessionRecord");
    long startedAt = follower.await(SessionEvent.StatusChanged.class, status -> status.runtime().turn() != null
        && status.runtime().turn().turnId().equals(turnId)).runtime().turn().startedAt();
    SandboxTraces.await(() -> await(memory.findSession(session)).orElseThrow().lastActivity() == startedAt,
        () -> "the time of the last activity is not stored before the turn ends");
  }
}
