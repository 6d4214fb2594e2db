package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.sql.SqlPersistence;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TroubledStore;
import dev.agentruntime.support.TroubledStore.Trouble;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The store is away, slow, loses answers, or belongs to somebody else. */
@Execution(ExecutionMode.CONCURRENT)
class StoreTroubleIT {

  @TempDir
  Path directory;
  private TroubledStore store;
  private TestRuntime runtime;
  private String session;
  private Follower follower;

  @BeforeEach
  void open() {
    runtime = TestRuntime.start(directory, Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "300"), real -> {
      store = new TroubledStore(real);
      return store.adapter();
    });
    session = runtime.newSession();
    follower = runtime.follow(session);
  }

  @AfterEach
  void close() {
    store.set(Trouble.NONE);
    runtime.close();
    new SandboxTraces(directory).awaitNothing();
  }

  /** Whether the store has it is not known: it may have done what it says that it did not. */
  @ParameterizedTest
  @EnumSource(value = Trouble.class, names = {"FAILS", "LOSES_ANSWERS"})
  void aMessageThatTheStoreDidNotAnswerIsAcceptedWhenItIsBack(Trouble trouble) {
    store.set(trouble);
    String id = UUID.randomUUID().toString();
    Future<Accepted> pending = send("say once", id);
    follower.await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.STORE_FAILED);
    Future<Accepted> repeated = send("say once", id);
    assertThat(pending.isComplete() || repeated.isComplete()).isFalse();

    store.set(Trouble.NONE);
    Accepted accepted = await(pending);
    assertThat(follower.awaitTurn(accepted.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(await(repeated)).isEqualTo(accepted);
    assertThat(await(send("say once", id))).isEqualTo(accepted);
    assertShownAfterRestart("once");
  }

  @Test
  void theAgentsTranscriptIsStoredWhenTheEndOfItsTurnIs() {
    follower.awaitTurn(runtime.send(session, "say \"first\"").turnId());
    AtomicReference<String> stored = new AtomicReference<>();
    store.onceSaved("session:turn:completed", () -> stored.set(transcript()));
    follower.awaitTurn(runtime.send(session, "say 30 deltas every 10 ms").turnId());
    assertThat(stored.get()).contains("first").contains("word29 ");
  }

  private String transcript() {
    StoredSession.Transcript agents = await(store.adapter().inspectSession(session)).orElseThrow().transcripts().stream()
        .filter(transcript -> transcript.name().endsWith(session + ".jsonl")).findFirst().orElseThrow();
    return await(store.adapter().readTranscript(session, agents.name(), 0, (int) agents.length())).toString();
  }

  @Test
  void aMessageThatComesWhileTheStoreIsKnownToBeAwayIsRefusedAndNeverRuns() {
    store.set(Trouble.FAILS);
    Future<Accepted> first = send("say first", null);
    follower.await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.STORE_FAILED);
    String id = UUID.randomUUID().toString();
    assertThatThrownBy(() -> await(send("say never", id))).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(ErrorCode.STORE_FAILED));

    store.set(Trouble.NONE);
    follower.awaitTurn(await(first).turnId());
    assertThat(follower.awaitTurn(runtime.send(session, "say this").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(said(follower.fold().blocks())).containsExactly("first", "this");
    assertThat(follower.assertFoldIsSnapshot().session().runtime().queued()).isZero();

    Accepted again = await(send("say after all", id));
    follower.awaitTurn(again.turnId());
    assertShownAfterRestart("first", "this", "after all");
  }

  @Test
  void aMessageThatWaitedIsGivenToTheAgentWhenTheStoreIsBack() {
    Accepted running = runtime.send(session, "say go; slow 1 s");
    Accepted next = runtime.send(session, "say next");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("go"));
    store.set(Trouble.FAILS);
    assertThat(follower.awaitTurn(running.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    follower.await(SessionEvent.TurnStarted.class, started -> started.turnId().equals(next.turnId()));
    double failures = runtime.runtime.metrics().persistenceFailures.count();
    SandboxTraces.await(() -> runtime.runtime.metrics().persistenceFailures.count() > failures + 5, () -> "it is tried again");
    store.set(Trouble.NONE);
    assertThat(follower.awaitTurn(next.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertShownAfterRestart("go", "next");
  }

  @Test
  void aSessionIsNotUnloadedBeforeItIsSaved() {
    Accepted accepted = runtime.send(session, "say go; slow 500 ms; say gone");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("go"));
    store.set(Trouble.FAILS);
    follower.awaitTurn(accepted.turnId());
    assertThatThrownBy(() -> await(runtime.sessions().unload(session))).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(ErrorCode.STORE_FAILED));
    assertThat(runtime.sessions().getLoadedSessions()).contains(session);
    assertThat(said(follower.assertFoldIsSnapshot().blocks())).containsExactly("go", "gone");

    store.set(Trouble.NONE);
    await(runtime.sessions().unload(session));
    assertShownAfterRestart("go", "gone");
  }

  @Test
  void aStoreThatGoesAwayDuringATurnIsCaughtUpWithLater() {
    Accepted accepted = runtime.send(session, "say 40 deltas every 10 ms; write kept.txt: kept");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("word3"));
    store.set(Trouble.FAILS);
    assertThat(follower.awaitTurn(accepted.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    follower.await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.STORE_FAILED);
    assertThat(await(runtime.sessions().readiness())).hasSize(2).contains("1 session could not be saved.");

    store.set(Trouble.NONE);
    SandboxTraces.await(() -> await(runtime.sessions().readiness()).isEmpty(), () -> await(runtime.sessions().readiness()).toString());
    assertThat(follower.events()).filteredOn(SessionEvent.ErrorEvent.class::isInstance).hasSize(1);
    assertThat(new String(await(runtime.sessions().readFile(session, "kept.txt", 0, 100)).getBytes())).isEqualTo("kept");
    List<Block> shown = follower.fold().blocks();
    assertShownAfterRestart(said(shown).toArray(String[]::new));
  }

  @Test
  void lostAnswersDoNoHarm() {
    follower.awaitTurn(runtime.send(session, "say first").turnId());
    Accepted accepted = runtime.send(session, "say 30 deltas every 10 ms; write kept.txt: kept");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("word3"));
    store.set(Trouble.LOSES_ANSWERS);
    assertThat(follower.awaitTurn(accepted.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    follower.await(SessionEvent.ErrorEvent.class, error -> true);
    store.set(Trouble.NONE);
    assertThat(follower.awaitTurn(runtime.send(session, "say last").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertShownAfterRestart(said(follower.fold().blocks()).toArray(String[]::new));
  }

  @Test
  void aStoreThatHangsHoldsUpNoInterruptAndIsNotReady() {
    follower.awaitTurn(runtime.send(session, "say first").turnId());
    Accepted running = runtime.send(session, "say 1000 deltas every 20 ms");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("word3"));
    store.set(Trouble.HANGS);
    Future<Accepted> pending = send("say later", null);
    await(runtime.sessions().interrupt(session));
    assertThat(follower.awaitTurn(running.turnId()).outcome()).isEqualTo(TurnOutcome.INTERRUPTED);
    assertThat(await(runtime.sessions().readiness())).isNotEmpty();
    assertThat(pending.isComplete()).isFalse();

    store.set(Trouble.NONE);
    assertThat(follower.awaitTurn(await(pending).turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(said(follower.fold().blocks())).last().isEqualTo("later");
  }

  @Test
  void anotherServerThatTakesTheSessionIsLeftAlone() {
    runtime.close();
    // It does not look by itself whether the session is still its own.
    runtime = TestRuntime.start(directory,
        Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "3600000", "AGENT_RUNTIME_SANDBOX_SWEEP_INTERVAL_MS", "200"));
    follower = runtime.follow(session);
    follower.awaitTurn(runtime.send(session, "say first; write a.txt: one").turnId());
    await(runtime.sessions().sync(session));
    Vertx vertx = Vertx.vertx();
    try (TestRuntime other = TestRuntime.start(vertx, directory.resolve("other"), Map.of(),
        own -> SqlPersistence.sqlite(vertx, directory.resolve("agent-runtime.db")))) {
      Follower there = other.follow(session);
      assertThat(there.start.blocks()).isEqualTo(follower.fold().blocks());
      assertThat(there.awaitTurn(other.send(session, "say second").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);

      assertThatThrownBy(() -> await(send("say from the old one", null))).isInstanceOfSatisfying(ApiException.class,
          e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT));
      SandboxTraces.await(() -> !runtime.sessions().getLoadedSessions().contains(session), () -> "the stale owner holds on");
      assertThat(there.awaitTurn(other.send(session, "say third").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(said(there.fold().blocks())).endsWith("second", "third").doesNotContain("from the old one");
    }
    // A sandbox of this machine that its session has no use for any more.
    new SandboxTraces(directory).awaitNothing();
  }

  private Future<Accepted> send(String text, String messageId) {
    return runtime.sessions().message(session, new SendMessage(MessageContent.of(text), messageId, null));
  }

  private void assertShownAfterRestart(String... texts) {
    List<Block> blocks = follower.fold().blocks();
    runtime.close();
    runtime = TestRuntime.start(directory, Map.of());
    List<Block> shown = runtime.follow(session).start.blocks();
    assertThat(shown).isEqualTo(blocks);
    assertThat(said(shown)).containsExactly(texts);
  }

  private static List<String> said(List<Block> blocks) {
    return blocks.stream().filter(Block.AssistantText.class::isInstance).map(Block::text).toList();
  }
}
