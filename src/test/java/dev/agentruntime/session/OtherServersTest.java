package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TroubledStore;
import dev.agentruntime.support.toy.StoredEnds;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import io.vertx.core.Promise;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Servers on one store, each by another name. They say that they live each 50 ms, or as it is said. */
class OtherServersTest {

  private final ToyWorld world = new ToyWorld();
  private final InMemoryPersistence store = ToyServer.store();
  private final List<ToyServer> servers = new CopyOnWriteArrayList<>();

  @AfterEach
  void close() {
    servers.forEach(ToyServer::close);
  }

  private ToyServer server(String node, ToyWorld sandboxes) {
    ToyServer server = new ToyServer(sandboxes, store, Map.of(), node);
    servers.add(server);
    return server;
  }

  private ToyServer server(String node) {
    return server(node, world);
  }

  /** @return one that runs, begun */
  private Accepted hang(ToyServer server, String session, Follower follower) {
    Accepted accepted = await(server.send(session, "hang"));
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().equals("hang"));
    return accepted;
  }

  private static void awaitTakenUp(ToyServer server, String session) {
    SandboxTraces.await(() -> server.sessions.getSession(session).isPresent(), () -> "nobody takes the session up");
  }

  private static void awaitLetGo(ToyServer server, String session) {
    SandboxTraces.await(() -> server.sessions.getSession(session).isEmpty(), () -> "the session is still in memory");
  }

  @Test
  void oneThatStartsLeavesAloneWhatTheOthersAreAtWorkWith() {
    ToyServer first = every("200", "first");
    String session = first.newSession();
    Follower follower = first.follow(session);
    Accepted running = hang(first, session, follower);
    ToyServer second = every("200", "second");
    // As often as it takes to miss a server that is dead.
    String epoch = follower.start.epoch();
    for (int i = 0; i < 5; i++) {
      await(first.sessions.sync(session));
      awaitSign(session);
    }
    assertThat(second.sessions.getLoadedSessions()).isEmpty();
    await(first.sessions.interrupt(session));
    assertThat(follower.awaitTurn(running.turnId()).outcome()).isEqualTo(TurnOutcome.INTERRUPTED);
    assertThat(first.follow(session).start.epoch()).isEqualTo(epoch);
  }

  /** Waits until the session's server has said once more that it lives. */
  private void awaitSign(String session) {
    Recovery.Owner before = owner(session);
    SandboxTraces.await(() -> owner(session).aliveAt() != before.aliveAt(), () -> "no sign of life");
  }

  private Recovery.Owner owner(String session) {
    return Recovery.of(await(store.findSession(session)).orElseThrow().recovery()).owner();
  }

  @Test
  void whatADeadServerWasAtWorkWithGoesOnOnAnother() {
    ToyServer first = server("first");
    String session = first.newSession();
    Accepted running = hang(first, session, first.follow(session));
    Accepted waiting = await(first.send(session, "say waiting"));
    ToyServer second = server("second");
    assertThat(second.sessions.getLoadedSessions()).isEmpty();
    first.kill();
    awaitTakenUp(second, session);
    Follower follower = second.follow(session);
    await(second.sessions.interrupt(session));
    assertThat(follower.awaitTurn(waiting.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    await(second.sessions.sync(session));
    assertThat(StoredEnds.of(store, session)).extracting(end -> end.path("turnId").asText() + " " + end.path("outcome").asText())
        .containsExactly(running.turnId() + " interrupted", waiting.turnId() + " success");
    assertThat(world.received()).containsExactly(running.messageId(), waiting.messageId());
  }

  /** By it a sandbox knows who has it; of two that were at it at once, only one could store it. */
  @Test
  void anOwnersTermIsGreaterThanThatOfTheOneBeforeAndStoredBeforeItReachesForTheSandbox() {
    ToyServer before = server("0");
    String session = before.newSession();
    before.follow(session).awaitTurn(await(before.send(session, "say first")).turnId());
    List<Long> known = new CopyOnWriteArrayList<>();
    world.onAttach(found -> {
      known.add(Recovery.of(store.findSession(session).result().orElseThrow().recovery()).term());
      return found;
    });
    for (int i = 1; i <= 3; i++) {
      await(server(Integer.toString(i)).sessions.get(session));
    }
    assertThat(known).containsExactly(2L, 3L, 4L);
  }

  /** It hears of it from the sandbox before it does from the store. */
  @Test
  void aServerWhoseSandboxIsTakenWhileItStartsAnAgentThereDoesNotEndIt() {
    ToyServer first = silent("first");
    ToyServer second = silent("second");
    String session = first.newSession();
    Promise<Void> runs = Promise.promise();
    world.failNextStart(() -> second.sessions.get(session).compose(v -> runs.future()));
    Accepted running = await(first.send(session, "hang"));
    SandboxTraces.await(() -> world.received().contains(running.messageId()), () -> "the other does not run it");
    Follower follower = second.follow(session);
    runs.complete();
    awaitLetGo(first, session);
    await(second.sessions.interrupt(session));
    assertThat(follower.awaitTurn(running.turnId()).outcome()).isEqualTo(TurnOutcome.INTERRUPTED);
    assertThat(world.sandboxIds()).hasSize(1);
  }

  @Test
  void aTurnThatIsInterruptedAtAServerThatHasLostTheSessionHasNoEndThere() {
    ToyServer first = silent("first");
    String session = first.newSession();
    Follower follower = first.follow(session);
    world.stuck(true);
    await(first.send(session, "say late"));
    follower.await(SessionEvent.TurnStarted.class, started -> true);
    await(silent("second").sessions.get(session));
    await(first.sessions.interrupt(session));
    awaitLetGo(first, session);
    assertThat(follower.events()).filteredOn(SessionEvent.TurnCompleted.class::isInstance).isEmpty();
  }

  @Test
  void whatAServerLeavesThatIsStoppedGoesOnOnAnotherAtOnce() {
    ToyServer first = server("first");
    String session = first.newSession();
    Accepted running = hang(first, session, first.follow(session));
    ToyServer second = server("second");
    await(first.sessions.shutdown());
    assertThat(owner(session)).isNull();
    awaitTakenUp(second, session);
    assertThat(second.follow(session).start.session().runtime().turn().turnId()).isEqualTo(running.turnId());
  }

  @Test
  void aTurnInASandboxThatNoOtherCanReachIsNotTakenFromItsServer() {
    ToyServer first = server("first", new ToyWorld(false));
    String session = first.newSession();
    Follower follower = first.follow(session);
    Accepted running = hang(first, session, follower);
    SandboxTraces.await(() -> owner(session).holds(), () -> "it does not say that a turn runs");
    ToyServer second = server("second", new ToyWorld(false));
    assertConflict(() -> await(second.sessions.get(session)));
    assertConflict(() -> await(second.send(session, "say other")));
    await(first.sessions.interrupt(session));
    assertThat(follower.awaitTurn(running.turnId()).outcome()).isEqualTo(TurnOutcome.INTERRUPTED);
    await(first.sessions.sync(session));
    Follower there = second.follow(session);
    assertThat(there.awaitTurn(await(second.send(session, "say other")).turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
  }

  private static void assertConflict(Runnable call) {
    assertThatThrownBy(call::run).isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT));
  }

  @Test
  void thatATurnRunsIsStoredBeforeItsAgentMayHaveTheMessage() {
    TroubledStore watched = new TroubledStore(store);
    ToyServer first = new ToyServer(new ToyWorld(false), watched.adapter(), Map.of(), "first");
    servers.add(first);
    String session = first.newSession();
    first.follow(session).awaitTurn(await(first.send(session, "say first")).turnId());
    await(first.sessions.sync(session));
    assertThat(owner(session).holds()).isFalse();
    CompletableFuture<Boolean> held = new CompletableFuture<>();
    watched.onceSaved("\"k\":\"delivered\"", () -> held.complete(owner(session).holds()));
    await(first.send(session, "say second"));
    assertThat(held.join()).isTrue();
  }

  @Test
  void aTurnInASandboxThatDiedWithItsServerEnds() {
    ToyServer first = server("first", new ToyWorld(false));
    String session = first.newSession();
    Accepted running = hang(first, session, first.follow(session));
    ToyServer second = server("second", new ToyWorld(false));
    first.kill();
    awaitTakenUp(second, session);
    SandboxTraces.await(() -> !StoredEnds.of(store, session).isEmpty(), () -> "it never ends");
    assertThat(StoredEnds.of(store, session)).singleElement().satisfies(end -> {
      assertThat(end.path("turnId").asText()).isEqualTo(running.turnId());
      assertThat(end.path("outcome").asText()).isEqualTo("error");
    });
  }

  @Test
  void anUnloadEndsTheSandboxThatIsAnotherServers() {
    ToyServer first = server("first");
    String session = first.newSession();
    first.follow(session).awaitTurn(await(first.send(session, "say first")).turnId());
    await(server("second").sessions.unload(session));
    assertThat(world.sandboxIds()).isEmpty();
    awaitLetGo(first, session);
    assertThat(await(store.findSession(session)).orElseThrow().recovery()).isNull();
  }

  @Test
  void viewersAreToldThatAnotherServerHasTakenTheSession() {
    ToyServer first = server("first");
    String session = first.newSession();
    Follower follower = first.follow(session);
    ToyServer second = server("second");
    await(second.sessions.get(session));
    assertThat(follower.await(SessionEvent.ErrorEvent.class, error -> true).code()).isEqualTo(ErrorCode.CONFLICT);
    follower.await(SessionEvent.StatusChanged.class, status -> status.runtime().equals(RuntimeState.UNLOADED));
    awaitLetGo(first, session);
  }

  @Test
  void aSessionThatAnotherServerHasDeletedIsGoneHere() {
    ToyServer first = silent("first");
    String session = first.newSession();
    first.follow(session).awaitTurn(await(first.send(session, "say first")).turnId());
    List<LifecycleEvent> told = new CopyOnWriteArrayList<>();
    first.sessions.watch(told::add);
    await(server("second").sessions.delete(session));
    assertThatThrownBy(() -> await(first.sessions.patch(session, "late", null))).isInstanceOf(ApiException.class);
    awaitLetGo(first, session);
    SandboxTraces.await(() -> told.contains(new LifecycleEvent.Deleted(session)), () -> "nobody is told: " + told);
    assertNoSession(() -> await(first.sessions.get(session)));
    assertThat(await(first.sessions.readiness())).isEmpty();
    assertThat(world.sandboxIds()).isEmpty();
  }

  @Test
  void aMessageToASessionThatAnotherServerHasDeletedIsRefusedAsToNoSession() {
    ToyServer first = silent("first");
    String session = first.newSession();
    first.follow(session);
    await(server("second").sessions.delete(session));
    assertNoSession(() -> await(first.send(session, "say late")));
    awaitLetGo(first, session);
    assertThat(await(first.sessions.readiness())).isEmpty();
  }

  /** One that says that it lives, and notices what others do, only when it has something to store. */
  private ToyServer silent(String node) {
    return every("3600000", node);
  }

  /** On a busy machine a server that says often that it lives may be late with it. */
  private ToyServer every(String ms, String node) {
    ToyServer server = new ToyServer(world, store, Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", ms), node);
    servers.add(server);
    return server;
  }

  private static void assertNoSession(Runnable call) {
    assertThatThrownBy(call::run).isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SESSION_NOT_FOUND));
  }
}
