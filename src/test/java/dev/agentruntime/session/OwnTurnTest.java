package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.toy.StoredEnds;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Turns that an agent begins by itself and does not go on with. */
@Execution(ExecutionMode.CONCURRENT)
class OwnTurnTest {

  private static final Map<String, String> SHORT_PATIENCE = Map.of("AGENT_RUNTIME_IDLE_TIMEOUT_MS", "1000");

  private final ToyWorld world = new ToyWorld();
  private final InMemoryPersistence store = ToyServer.store();
  private ToyServer server = new ToyServer(world, store, SHORT_PATIENCE);

  @AfterEach
  void close() {
    server.close();
  }

  private SessionSnapshot snapshot(String session) {
    return Follower.snapshot(await(server.sessions.get(session)));
  }

  /** A session in which the agent has begun a turn by itself. */
  private String begun(String text) {
    String session = server.newSession();
    await(server.send(session, text));
    SandboxTraces.await(() -> {
      RuntimeState.Turn turn = snapshot(session).session().runtime().turn();
      return turn != null && turn.messageId() == null;
    }, () -> "it is never begun");
    return session;
  }

  private void assertGivenUp(String session) {
    JsonNode end = StoredEnds.awaitOwn(store, session);
    assertThat(end.path("outcome").asText()).isEqualTo("error");
    assertThat(end.path("error").asText()).isEqualTo("The agent started this turn by itself and then fell silent.");
  }

  @Test
  void itIsGivenUpAndThenAMessageHasItsTurnAndTheSessionIsUnloaded() {
    String session = begun("own");
    String waiting = UUID.randomUUID().toString();
    await(server.send(session, "say next", waiting, null));
    assertGivenUp(session);
    SandboxTraces.await(() -> world.sandboxIds().isEmpty(), () -> "it is never unloaded");
    assertThat(StoredEnds.of(store, session).stream().filter(end -> end.path("messageId").asText().equals(waiting))
        .map(end -> end.path("outcome").asText())).containsExactly("success");
  }

  @Test
  void anAgentThatDoesNotHeedThatIsKilledAlsoByTheNextServer() {
    server.close();
    server = new ToyServer(world, store);
    String session = begun("own");
    await(server.sessions.sync(session));
    world.deafenAgents();
    server.close();
    server = new ToyServer(world, store, SHORT_PATIENCE);
    assertGivenUp(session);
    assertThat(world.agents()).isZero();
  }

  @Test
  void aToolThatIsAtWorkIsWaitedFor() {
    String working = begun("own call");
    String silent = begun("own");
    assertGivenUp(silent);
    assertThat(snapshot(working).session().runtime().turn().messageId()).isNull();
    assertThat(snapshot(working).blocks().stream().filter(Block.ToolUse.class::isInstance).map(block -> ((Block.ToolUse) block).status())
        .collect(Collectors.toSet())).containsExactly(CallStatus.RUNNING);
  }
}
