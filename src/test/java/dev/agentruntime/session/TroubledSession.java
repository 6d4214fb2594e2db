package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TroubledStore;
import dev.agentruntime.support.toy.StoredEnds;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A session whose store and agents can be troubled, and whose server can be killed. */
abstract class TroubledSession {

  final ToyWorld world = new ToyWorld();
  final InMemoryPersistence memory = ToyServer.store();
  final TroubledStore store = new TroubledStore(memory);
  ToyServer server = new ToyServer(world, store.adapter());
  String session;
  Follower follower;

  @BeforeEach
  void open() {
    session = server.newSession();
    follower = server.follow(session);
  }

  @AfterEach
  void close() {
    server.close();
  }

  Accepted send(String text) {
    return await(server.send(session, text));
  }

  TurnOutcome outcome(Accepted accepted) {
    return follower.awaitTurn(accepted.turnId()).outcome();
  }

  /** For a turn that a later server ends, maybe before anybody can follow it there. */
  String storedOutcome(Accepted accepted) {
    List<String> outcomes = new ArrayList<>();
    SandboxTraces.await(() -> {
      StoredEnds.of(memory, session).stream().filter(end -> end.path("turnId").asText().equals(accepted.turnId()))
          .forEach(end -> outcomes.add(end.path("outcome").asText()));
      return !outcomes.isEmpty();
    }, () -> "it never ends");
    assertThat(outcomes).hasSize(1);
    return outcomes.getFirst();
  }

  void awaitSaid(String text) {
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().equals(text));
  }

  void restart(Map<String, String> settings) {
    server.close();
    server = new ToyServer(world, store.adapter(), settings);
    follower = server.follow(session);
  }
}
