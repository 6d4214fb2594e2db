package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TroubledStore;
import dev.agentruntime.support.TroubledStore.Trouble;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A store that is away for longer than what happens meanwhile can be kept in memory. */
@Execution(ExecutionMode.CONCURRENT)
class OutageIT {

  private static final int BOUND_BYTES = 32 * 1024;
  private static final int TOOLS = 150;

  /** Says more than the bound, in many blocks, and is known to have ended by the file. */
  private static final String MUCH = "say go; slow 1 s; " + "fail; ".repeat(TOOLS) + "write done.txt: done";

  @TempDir
  Path directory;

  private TroubledStore store;
  private TestRuntime runtime;

  private void start(String... settings) {
    Map<String, String> all = new HashMap<>(Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "300"));
    for (int i = 0; i < settings.length; i += 2) {
      all.put(settings[i], settings[i + 1]);
    }
    runtime = TestRuntime.start(directory, all, real -> {
      store = new TroubledStore(real);
      return store.adapter();
    });
  }

  @AfterEach
  void close() {
    store.set(Trouble.NONE);
    runtime.close();
    new SandboxTraces(directory).awaitNothing();
  }

  private Accepted sayMuchWhileTheStoreGoesAway(String session, Follower follower) {
    Accepted accepted = runtime.send(session, MUCH);
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("go"));
    return accepted;
  }

  private static void awaitHeld(Follower follower) {
    follower.await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.STORE_FAILED && error.message().contains("Nothing is lost"));
    follower.await(SessionEvent.StatusChanged.class, status -> "Waiting for the store".equals(message(status.runtime())));
  }

  private static String message(RuntimeState state) {
    return state.sandbox() == null ? null : state.sandbox().statusMessage();
  }

  private static List<Block> results(List<Block> blocks) {
    return blocks.stream().filter(Block.ToolResult.class::isInstance).toList();
  }

  private long unsaved() {
    return runtime.runtime.metrics().unsaved.get();
  }

  @Test
  void anAgentThatSaysMoreThanCanBeKeptWaitsAndLosesNothing() {
    start("AGENT_RUNTIME_LIMITS_UNSAVED_BYTES", Integer.toString(BOUND_BYTES));
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted accepted = sayMuchWhileTheStoreGoesAway(session, follower);
    store.set(Trouble.FAILS);
    awaitHeld(follower);
    // The agent itself goes on: it has come to its end, which nobody has read yet.
    follower.await(SessionEvent.FileCreated.class, created -> created.file().path().equals("done.txt"));
    assertThat(results(follower.fold().blocks())).hasSizeLessThan(TOOLS);
    assertThat(unsaved()).isBetween((long) BOUND_BYTES, 2L * BOUND_BYTES);
    assertThat(await(runtime.sessions().readiness())).anyMatch(problem -> problem.contains("could not be saved"));
    assertThatThrownBy(() -> await(runtime.sessions().message(session, new SendMessage(MessageContent.of("more"), null, null))))
        .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.STORE_FAILED));

    store.set(Trouble.NONE);
    assertThat(follower.awaitTurn(accepted.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    List<Block> shown = follower.assertFoldIsSnapshot().blocks();
    assertThat(results(shown)).hasSize(TOOLS + 1);
    SandboxTraces.await(() -> await(runtime.sessions().readiness()).isEmpty() && unsaved() == 0, () -> "unsaved " + unsaved());
    assertThat(message(follower.assertFoldIsSnapshot().session().runtime())).isNull();
    assertShownAfterRestart(session, shown);
  }

  @Test
  void allSessionsTogetherKeepNoMoreThanTheirBound() {
    start("AGENT_RUNTIME_LIMITS_UNSAVED_TOTAL_BYTES", Integer.toString(BOUND_BYTES));
    List<String> sessions = List.of(runtime.newSession(), runtime.newSession());
    List<Follower> followers = sessions.stream().map(runtime::follow).toList();
    List<Accepted> accepted = List.of(sayMuchWhileTheStoreGoesAway(sessions.get(0), followers.get(0)),
        sayMuchWhileTheStoreGoesAway(sessions.get(1), followers.get(1)));
    store.set(Trouble.FAILS);
    followers.forEach(OutageIT::awaitHeld);
    assertThat(unsaved()).isBetween((long) BOUND_BYTES, 2L * BOUND_BYTES);

    store.set(Trouble.NONE);
    for (int i = 0; i < 2; i++) {
      assertThat(followers.get(i).awaitTurn(accepted.get(i).turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(results(followers.get(i).fold().blocks())).hasSize(TOOLS + 1);
    }
  }

  @Test
  void anInterruptWhileTheAgentWaitsEndsTheTurnWhenTheStoreIsBack() {
    start("AGENT_RUNTIME_LIMITS_UNSAVED_BYTES", Integer.toString(BOUND_BYTES), "AGENT_RUNTIME_SANDBOX_INTERRUPT_TIMEOUT_MS", "200");
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted accepted = runtime.send(session, MUCH + "; silent");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("go"));
    store.set(Trouble.FAILS);
    awaitHeld(follower);
    await(runtime.sessions().interrupt(session));
    double attempts = runtime.runtime.metrics().persistenceFailures.count();
    SandboxTraces.await(() -> runtime.runtime.metrics().persistenceFailures.count() > attempts + 5, () -> "it is tried again");

    store.set(Trouble.NONE);
    assertThat(follower.awaitTurn(accepted.turnId()).outcome()).isEqualTo(TurnOutcome.INTERRUPTED);
    assertThat(follower.awaitTurn(runtime.send(session, "say still here").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks()).as("the agent was not killed").noneMatch(Block.ErrorNote.class::isInstance);
  }

  @Test
  void anIdleSessionStaysUntilItIsSaved() {
    start("AGENT_RUNTIME_IDLE_TIMEOUT_MS", "200");
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted accepted = runtime.send(session, "say go; slow 500 ms; say kept");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("go"));
    store.set(Trouble.FAILS);
    follower.awaitTurn(accepted.turnId());
    double attempts = runtime.runtime.metrics().persistenceFailures.count();
    SandboxTraces.await(() -> runtime.runtime.metrics().persistenceFailures.count() > attempts + 20, () -> "it is tried again");
    assertThat(runtime.sessions().getLoadedSessions()).contains(session);
    List<Block> shown = follower.fold().blocks();

    store.set(Trouble.NONE);
    SandboxTraces.await(() -> runtime.sessions().getLoadedSessions().isEmpty(), () -> "it is never unloaded");
    assertThat(runtime.follow(session).start.blocks()).isEqualTo(shown);
  }

  /** The real thing: another process holds the database for longer than a writer waits. */
  @Test
  void aDatabaseThatIsHeldByAnotherProcessIsWaitedFor() throws Exception {
    start();
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted accepted = runtime.send(session, "say go; slow 1 s; write a.txt: kept; say kept");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("go"));
    try (Connection holder = DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("agent-runtime.db"));
         Statement statement = holder.createStatement()) {
      statement.execute("PRAGMA busy_timeout = 30000");
      statement.execute("BEGIN IMMEDIATE");
      follower.awaitTurn(accepted.turnId());
      follower.await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.STORE_FAILED);
      statement.execute("ROLLBACK");
    }
    SandboxTraces.await(() -> await(runtime.sessions().readiness()).isEmpty(), () -> await(runtime.sessions().readiness()).toString());
    assertThat(follower.awaitTurn(runtime.send(session, "say more").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertShownAfterRestart(session, follower.fold().blocks());
  }

  private void assertShownAfterRestart(String session, List<Block> blocks) {
    runtime.close();
    runtime = TestRuntime.start(directory, Map.of());
    assertThat(runtime.follow(session).start.blocks()).isEqualTo(blocks);
  }
}
