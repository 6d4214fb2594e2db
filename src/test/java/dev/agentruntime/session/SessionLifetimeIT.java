package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sessions leave memory, come back, change and are deleted, while they run and while they do not. */
class SessionLifetimeIT {

  private static final int LOADS = 1000;

  @TempDir
  static Path directory;
  static TestRuntime runtime;
  static SandboxTraces traces;

  @BeforeAll
  static void start() {
    runtime = TestRuntime.start(directory, Map.of());
    traces = new SandboxTraces(directory);
  }

  @AfterAll
  static void stop() {
    runtime.close();
    traces.awaitNothing();
  }

  @Test
  void anUnloadDuringATurnEndsItAndAllThatWait() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted running = runtime.send(session, "say 1000 deltas every 20 ms");
    Accepted waiting = runtime.send(session, "say later");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("word5"));
    await(runtime.sessions().unload(session));

    assertThat(follower.fold().completedTurns()).extracting(SessionEvent.TurnCompleted::turnId)
        .containsExactly(running.turnId(), waiting.turnId());
    assertThat(follower.fold().completedTurns()).extracting(SessionEvent.TurnCompleted::outcome).containsOnly(TurnOutcome.INTERRUPTED);
    assertThat(follower.fold().runtime().isLoaded()).isFalse();
    assertThat(traces.processes(session)).isEmpty();

    Follower later = runtime.follow(session);
    assertThat(later.start.blocks()).isEqualTo(follower.fold().blocks());
    assertThat(later.start.session().runtime().turn()).isNull();
    later.awaitTurn(runtime.send(session, "say again").turnId());
    assertThat(later.fold().completedTurns()).hasSize(1);
  }

  @Test
  void anUnloadWhileTheSandboxStartsLeavesNothing() {
    for (int i = 0; i < 5; i++) {
      String session = runtime.newSession();
      Follower follower = runtime.follow(session);
      Accepted accepted = runtime.send(session, "say never");
      await(runtime.sessions().unload(session));
      assertThat(follower.fold().completedTurns()).extracting(SessionEvent.TurnCompleted::turnId).containsExactly(accepted.turnId());
      SandboxTraces.await(() -> traces.processes(session).isEmpty(), () -> traces.processes(session).toString());
    }
  }

  @Test
  void unloadsAsTurnsEndEndThemOnce() {
    String session = runtime.newSession();
    for (int i = 0; i < 8; i++) {
      Follower follower = runtime.follow(session);
      Accepted accepted = runtime.send(session, "write f" + i + ".txt: x; say \"said " + i + "\" in 3 deltas every 1 ms");
      follower.await(SessionEvent.BlockDelta.class, delta -> true);
      await(runtime.sessions().unload(session));
      assertThat(follower.fold().completedTurns()).extracting(SessionEvent.TurnCompleted::turnId).containsExactly(accepted.turnId());
    }
  }

  @Test
  void aDeleteDuringATurnLeavesNothing() throws Exception {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted running = runtime.send(session, "write secret-file.txt: hidden-words; run sleep 5432");
    traces.awaitProcess("sleep 5432");
    CompletableFuture<LifecycleEvent> deleted = new CompletableFuture<>();
    runtime.sessions().watch(event -> {
      if (event instanceof LifecycleEvent.Deleted && event.sessionId().equals(session)) {
        deleted.complete(event);
      }
    });
    await(runtime.sessions().delete(session));
    deleted.get(10, TimeUnit.SECONDS);

    assertThat(follower.fold().completedTurns()).extracting(SessionEvent.TurnCompleted::turnId).containsExactly(running.turnId());
    assertThat(traces.processes(session)).isEmpty();
    traces.awaitNoProcess("sleep 5432");
    for (Future<?> call : List.of(runtime.sessions().get(session), runtime.sessions().interrupt(session),
        runtime.sessions().unload(session), runtime.sessions().delete(session), runtime.sessions().listFiles(session))) {
      assertThatThrownBy(() -> await(call)).isInstanceOfSatisfying(ApiException.class,
          e -> assertThat(e.code()).isEqualTo(ErrorCode.SESSION_NOT_FOUND));
    }
    assertThat(await(runtime.sessions().list(200, null)).sessions()).noneMatch(item -> item.sessionId().equals(session));
  }

  @Test
  void optionsTakeEffectOnTheNextTurnInTheSameProcessOrAnother() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    follower.awaitTurn(runtime.send(session, "say first").turnId());
    List<String> before = agents(session);

    await(runtime.sessions().options(session, options().put("model", "claude-other-1")));
    follower.awaitTurn(runtime.send(session, "say second").turnId());
    assertThat(agents(session)).isEqualTo(before);
    assertThat(follower.fold().blocks().getLast()).isInstanceOfSatisfying(Block.AssistantText.class,
        text -> assertThat(text.model()).isEqualTo("claude-other-1"));

    assertThat(await(runtime.sessions().options(session, options().put("maxTurns", 7).putNull("model"))).has("model")).isFalse();
    follower.awaitTurn(runtime.send(session, "recall").turnId());
    assertThat(agents(session)).hasSize(1).isNotEqualTo(before).allMatch(line -> line.contains("--max-turns 7"));
    assertThat(follower.fold().blocks().getLast().text()).contains("first").contains("second");
    follower.assertFoldIsSnapshot();

    assertThatThrownBy(() -> await(runtime.sessions().options(session, options().put("nonsense", 1)))).isInstanceOf(ApiException.class);
    assertThat(follower.assertFoldIsSnapshot().session().sessionOptions()).isEqualTo(options().put("maxTurns", 7));
  }

  @Test
  void optionsThatChangeWhileTheAgentStartsAreNotLost() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted accepted = runtime.send(session, "say hello");
    follower.await(SessionEvent.StatusChanged.class, e -> e.runtime().sandbox() != null);
    await(runtime.sessions().options(session, options().put("maxTurns", 9)));
    assertThat(follower.awaitTurn(accepted.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.awaitTurn(runtime.send(session, "say on").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(agents(session)).hasSize(1).allMatch(line -> line.contains("--max-turns 9"));
  }

  @Test
  void nameAndMetadataAreToldAndKept() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    await(runtime.sessions().patch(session, "a name", Json.object().put("k", "v")));
    await(runtime.sessions().patch(session, null, Json.object().put("k2", 2)));
    assertThat(follower.assertFoldIsSnapshot().session().name()).isEqualTo("a name");
    await(runtime.sessions().unload(session));
    assertThat(runtime.follow(session).start.session().metadata()).isEqualTo(Json.object().put("k2", 2));
  }

  @Test
  void metadataThatIsTooDeepToBeListedIsRefused() {
    String session = runtime.newSession();
    ObjectNode deep = Json.object();
    for (int i = 0; i < 998; i++) {
      deep = Json.object().set("d", deep);
    }
    ObjectNode metadata = deep;
    assertThatThrownBy(() -> await(runtime.sessions().patch(session, null, metadata))).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST));
    assertThat(Json.bytes(await(runtime.sessions().list(200, null)))).isNotEmpty();
  }

  @Test
  void anIdleSessionIsUnloadedAndAWorkingOneNever() throws Exception {
    try (TestRuntime hasty = TestRuntime.start(directory.resolve("hasty"), Map.of("AGENT_RUNTIME_IDLE_TIMEOUT_MS", "200"))) {
      String session = hasty.newSession();
      Follower follower = hasty.follow(session);
      Accepted accepted = hasty.send(session, "slow 2 s; say done");
      assertThat(follower.awaitTurn(accepted.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(follower.events()).noneMatch(e -> e instanceof SessionEvent.StatusChanged s && !s.runtime().isLoaded());
      follower.await(SessionEvent.StatusChanged.class, status -> !status.runtime().isLoaded());
      new SandboxTraces(directory.resolve("hasty")).awaitNothing();
      assertThat(hasty.follow(session).start.blocks()).isEqualTo(follower.fold().blocks());
    }
  }

  @Test
  void aSessionIsNotIdleForTheTimeThatItsLastTurnTook() {
    long idleMs = 1000;
    try (TestRuntime hasty = TestRuntime.start(directory.resolve("long-turn"), Map.of("AGENT_RUNTIME_IDLE_TIMEOUT_MS", "" + idleMs))) {
      String session = hasty.newSession();
      Follower follower = hasty.follow(session);
      follower.awaitTurn(hasty.send(session, "slow 2 s; say done").turnId());
      follower.await(SessionEvent.StatusChanged.class, status -> !status.runtime().isLoaded());
      long unloadedAt = System.currentTimeMillis();
      assertThat(unloadedAt - follower.fold().snapshot().session().lastActivity()).isGreaterThanOrEqualTo(idleMs);
    }
  }

  /** It has finished the start of the housekeeping, which is not to end with it. */
  @Test
  void anIdleSessionIsUnloadedThoughTheOneThatWasTakenUpAtTheStartIsGone() {
    Path own = directory.resolve("cut-off");
    String takenUp;
    try (TestRuntime before = TestRuntime.start(own, Map.of())) {
      takenUp = before.newSession();
      Follower follower = before.follow(takenUp);
      before.send(takenUp, "say 1000 deltas every 20 ms");
      follower.await(SessionEvent.BlockDelta.class, delta -> true);
    }
    try (TestRuntime after = TestRuntime.start(own, Map.of("AGENT_RUNTIME_IDLE_TIMEOUT_MS", "200"))) {
      assertThat(after.sessions().getLoadedSessions()).containsExactly(takenUp);
      await(after.sessions().unload(takenUp));
      after.follow(after.newSession()).await(SessionEvent.StatusChanged.class, status -> !status.runtime().isLoaded());
    }
  }

  @Test
  void messagesThatMeetTheIdleUnloadRunOnce() {
    try (TestRuntime hasty = TestRuntime.start(directory.resolve("hastier"), Map.of("AGENT_RUNTIME_IDLE_TIMEOUT_MS", "1"))) {
      String session = hasty.newSession();
      List<String> ids = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        ids.add(hasty.send(session, "say n" + i).messageId());
      }
      SandboxTraces.await(() -> hasty.follow(session).start.session().runtime().queued() == 0
          && hasty.follow(session).start.session().runtime().turn() == null, () -> "never idle");
      List<Block> blocks = hasty.follow(session).start.blocks();
      assertThat(blocks.stream().filter(Block.UserMessage.class::isInstance).map(Block::id)).isEqualTo(ids);
      assertThat(blocks.stream().filter(Block.AssistantText.class::isInstance).map(Block::text))
          .containsExactly("n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11");
    }
  }

  @Test
  void aResumeWithoutTheStoredConversationFailsLoudly() throws Exception {
    Path own = directory.resolve("forgetful");
    String session;
    try (TestRuntime before = TestRuntime.start(own, Map.of())) {
      session = before.newSession();
      before.follow(session).awaitTurn(before.send(session, "say remember me").turnId());
    }
    sql(own, "DELETE FROM content WHERE kind = 'transcript' AND name LIKE 'agent/%'");
    try (TestRuntime after = TestRuntime.start(own, Map.of())) {
      Follower follower = after.follow(session);
      assertThat(follower.start.blocks()).isNotEmpty();
      SessionEvent.TurnCompleted failed = follower.awaitTurn(after.send(session, "recall").turnId());
      assertThat(failed.outcome()).isEqualTo(TurnOutcome.ERROR);
      assertThat(failed.error()).contains("conversation");
      assertThat(new SandboxTraces(own).processes()).isEmpty();
    }
  }

  private static void sql(Path dataDirectory, String statement) throws Exception {
    try (var connection = java.sql.DriverManager.getConnection("jdbc:sqlite:" + dataDirectory.resolve("agent-runtime.db"));
         var sql = connection.createStatement()) {
      sql.executeUpdate(statement);
    }
  }

  @Test
  void aThousandLoadsLeaveNothingBehind() {
    String session = runtime.newSession();
    await(runtime.sessions().unload(session));
    int deployments = runtime.vertx.deploymentIDs().size();
    int threads = Thread.activeCount();
    for (int i = 0; i < LOADS; i++) {
      await(runtime.sessions().get(session));
      await(runtime.sessions().unload(session));
    }
    assertThat(runtime.vertx.deploymentIDs()).hasSizeLessThanOrEqualTo(deployments);
    // A pool may have grown meanwhile, but not by a thread for each.
    assertThat(Thread.activeCount()).isLessThan(threads + LOADS / 2);
    assertThat(runtime.sessions().getLoadedSessions()).doesNotContain(session);
    assertThat(runtime.runtime.metrics().sessionsLoaded.get()).isEqualTo(runtime.sessions().getLoadedSessions().size());
  }

  private static ObjectNode options() {
    return Json.object();
  }

  /** The agent's own processes of a session, without what leads and follows them. */
  private static List<String> agents(String session) {
    return traces.processes("DemoAgent").stream().filter(line -> line.contains(session) && !line.contains("keeper")).toList();
  }
}
