package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.sandbox.SandboxProvider.SandboxInfo;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.Logged;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server has a session in memory that another one has taken over, with its sandbox, and has not noticed. */
class OwnershipTest {

  private final ToyWorld world = new ToyWorld();
  private final InMemoryPersistence store = ToyServer.store();
  private ToyServer old;
  private ToyServer owner;
  private String session;
  private Follower follower;
  private List<String> sandboxes;

  @BeforeEach
  void takeOver() {
    old = new ToyServer(world, store, Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "3600000"));
    session = old.newSession();
    old.follow(session).awaitTurn(await(old.send(session, "say first")).turnId());
    await(old.sessions.sync(session));
    owner = new ToyServer(world, store);
    follower = owner.follow(session);
    sandboxes = world.sandboxIds();
    assertThat(sandboxes).hasSize(1);
  }

  @AfterEach
  void close() {
    old.close();
    owner.close();
  }

  private void assertTheOwnerGoesOn() {
    assertThat(world.sandboxIds()).isEqualTo(sandboxes);
    assertThat(follower.awaitTurn(await(owner.send(session, "say second")).turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().runtime().sandbox().restartCount()).isZero();
  }

  @Test
  void anUnloadThereLeavesTheSandboxAlone() {
    await(old.sessions.unload(session));
    assertThat(old.sessions.getLoadedSessions()).isEmpty();
    assertTheOwnerGoesOn();
  }

  @Test
  void itsStopLeavesTheSandboxAlone() {
    await(old.sessions.shutdown());
    assertTheOwnerGoesOn();
  }

  @Test
  void aStopThatFindsOutLetsGoOnce() {
    ToyServer stopped = new ToyServer(world, store, Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "3600000"));
    Follower there = stopped.follow(session);
    await(stopped.send(session, "hang"));
    await(stopped.send(session, "say next"));
    there.await(SessionEvent.BlockDelta.class, delta -> delta.delta().equals("hang"));
    await(stopped.sessions.sync(session));
    world.deafenAgents();
    try (ToyServer next = new ToyServer(world, store); Logged errors = new Logged("dev.agentruntime.session", Level.ERROR)) {
      next.follow(session);
      await(stopped.sessions.interrupt(session));
      await(stopped.sessions.shutdown());
      assertThat(errors.lines(session)).as("it is nothing unusual").isEmpty();
      assertThat(stopped.metrics.turnsRunning).hasValue(0);
      assertThat(stopped.metrics.messagesQueued).hasValue(0);
    } finally {
      stopped.close();
    }
  }

  @Test
  void aDeleteThereTakesTheSessionBackAndDeletesIt() {
    await(old.sessions.delete(session));
    assertThat(world.sandboxIds()).isEmpty();
    assertThatThrownBy(() -> await(old.sessions.get(session))).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(ErrorCode.SESSION_NOT_FOUND));
  }

  /** What nobody else can end. */
  @ParameterizedTest
  @ValueSource(strings = {"20", "3600000"})
  void itsStopEndsASandboxThatOnlyItCanReach(String syncIntervalMs) {
    ToyWorld here = new ToyWorld(false);
    try (ToyServer first = new ToyServer(here, store, Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", syncIntervalMs), "first");
         ToyServer second = new ToyServer(new ToyWorld(false), store, Map.of(), "second")) {
      String moved = first.newSession();
      String stays = first.newSession();
      first.follow(moved).awaitTurn(await(first.send(moved, "say first")).turnId());
      Follower running = first.follow(stays);
      await(first.send(stays, "hang"));
      running.await(SessionEvent.BlockDelta.class, delta -> delta.delta().equals("hang"));
      await(first.sessions.sync(moved));
      assertThat(here.sandboxIds()).hasSize(2);
      second.follow(moved).awaitTurn(await(second.send(moved, "say second")).turnId());
      await(first.sessions.shutdown());
      assertThat(await(here.list())).extracting(SandboxInfo::sessionId).containsExactly(stays);
    }
  }
}
