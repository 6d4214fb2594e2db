package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.RuntimeState.SandboxStatus;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Agents that crash, do not start, talk nonsense, talk too much, or talk unasked. */
class AgentTroubleIT extends SharedRuntime {

  @Override
  Map<String, String> settings() throws Exception {
    Path profiles = Files.createDirectory(directory.resolve("profiles"));
    profile(profiles, "demo", "\"command\": [\"demo\"]");
    profile(profiles, "missing", "\"command\": [\"/no/such/program\"], \"environmentVariables\": {\"ANTHROPIC_API_KEY\": \"none\"}");
    profile(profiles, "setup", "\"command\": [\"demo\"], \"npmDependencies\": [\"left-pad@1.3.0\"], \"environmentVariables\": "
        + "{\"npm_config_registry\": \"http://127.0.0.1:1\", \"npm_config_fetch_retries\": \"0\"}");
    return Map.of("AGENT_RUNTIME_PROFILES_DIR", profiles.toString());
  }

  private static void profile(Path profiles, String id, String fields) throws Exception {
    Files.writeString(profiles.resolve(id + ".json"),
        "{\"name\": \"" + id + "\", \"architecture\": \"claude-agent-sdk\", " + fields + "}");
  }

  @Test
  void aCrashMidTextEndsTheTurnAndTheNextMessageGoesOn() {
    follower.awaitTurn(runtime.send(session, "say \"before the crash\"").turnId());
    SessionEvent.TurnCompleted crashed = follower.awaitTurn(runtime.send(session, "crash mid text").turnId());
    assertThat(crashed.outcome()).isEqualTo(TurnOutcome.ERROR);
    assertThat(crashed.error()).isEqualTo("The agent ended before its turn did (exit code 70). Part of the work may be done, so the message is"
        + " not run again; a new message continues from here.");
    assertThat(follower.fold().blocks()).last().isInstanceOf(Block.ErrorNote.class);
    assertThat(follower.fold().blocks()).filteredOn(Block.AssistantText.class::isInstance).hasSize(2)
        .allMatch(block -> !block.text().isEmpty());

    assertThat(follower.awaitTurn(runtime.send(session, "recall").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks().getLast().text()).contains("before the crash");
    follower.assertFoldIsSnapshot();
    assertShownAgainAfterUnload();
  }

  @Test
  void rubbishIsNoHarm() {
    Accepted turn = runtime.send(session, "say before; rubbish; unicode; say after");
    assertThat(follower.awaitTurn(turn.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks()).extracting(Block::text).anyMatch(text -> text.contains("before"))
        .anyMatch(text -> text.contains("after"));
    follower.assertFoldIsSnapshot();
    assertShownAgainAfterUnload();
  }

  @Test
  void aProgramThatIsNotThereIsAnErrorEachTimeAndNoSandboxIsLeft() {
    assertFailsToStart("missing");
  }

  @Test
  void aSetupThatFailsIsAnErrorEachTimeAndNoSandboxIsLeft() {
    assertFailsToStart("setup");
  }

  private void assertFailsToStart(String profile) {
    open(profile);
    for (int i = 0; i < 2; i++) {
      SessionEvent.TurnCompleted failed = follower.awaitTurn(runtime.send(session, "say hello").turnId());
      assertThat(failed.outcome()).isEqualTo(TurnOutcome.ERROR);
      assertThat(failed.error()).isNotBlank().doesNotContain(directory.toString());
      assertThat(follower.fold().blocks()).last().isInstanceOf(Block.ErrorNote.class);
    }
    List<String> messages = follower.events().stream().filter(SessionEvent.StatusChanged.class::isInstance)
        .map(event -> ((SessionEvent.StatusChanged) event).runtime().sandbox())
        .filter(sandbox -> sandbox != null && sandbox.statusMessage() != null).map(sandbox -> sandbox.statusMessage()).toList();
    assertThat(messages).contains("Creating the sandbox", "Restoring the workspace", "Preparing the agent");
    await(runtime.sessions().unload(session));
    assertThat(traces.processes(session)).isEmpty();
    assertShownAgainAfterUnload();
  }

  @Test
  void aProfileThatIsDeletedIsAnErrorThatNamesIt() throws Exception {
    Path profiles = Files.createDirectory(directory.resolve("other-profiles"));
    profile(profiles, "fleeting", "\"command\": [\"demo\"]");
    String session;
    try (TestRuntime before = TestRuntime.start(directory.resolve("other"), Map.of("AGENT_RUNTIME_PROFILES_DIR", profiles.toString()))) {
      session = before.newSession("fleeting");
    }
    Files.delete(profiles.resolve("fleeting.json"));
    profile(profiles, "another", "\"command\": [\"demo\"]");
    try (TestRuntime after = TestRuntime.start(directory.resolve("other"), Map.of("AGENT_RUNTIME_PROFILES_DIR", profiles.toString()))) {
      Follower follower = after.follow(session);
      SessionEvent.TurnCompleted failed = follower.awaitTurn(after.send(session, "say hello").turnId());
      assertThat(failed.outcome()).isEqualTo(TurnOutcome.ERROR);
      assertThat(failed.error()).contains("fleeting");
      assertThat(new SandboxTraces(directory.resolve("other")).directories()).isEmpty();
    }
  }

  @Test
  void aFloodIsWholeAndNotKeptTwice() throws Exception {
    EventLog log = await(runtime.sessions().join(session, null)).log();
    CompletableFuture<SessionEvent.TurnCompleted> ended = new CompletableFuture<>();
    log.subscribe(() -> {
      List<Frame> newest = new ArrayList<>();
      log.read(log.head() - 1, 1, newest);
      if (!newest.isEmpty() && newest.getFirst().event() instanceof SessionEvent.TurnCompleted completed) {
        ended.complete(completed);
      }
    });
    runtime.send(session, "flood 100000");
    assertThat(ended.get(60, TimeUnit.SECONDS).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(log.head()).isGreaterThan(100_000);
    assertThat(log.holdsAfter(log.head() - 20_000)).isFalse();
    String text = Follower.snapshot(await(runtime.sessions().get(session))).blocks().getLast().text();
    assertThat(text).startsWith("f000000 f000001 ").endsWith("f099999 ").hasSize(100_000 * 8);
  }

  @Test
  void subagentsAndParallelTools() {
    follower.awaitTurn(runtime.send(session, "write a.txt: a; parallel tools; fail; subagent; subagent 50 ms").turnId());
    assertThat(follower.fold().subagents()).hasSize(2).allSatisfy(subagent -> {
      assertThat(subagent.status()).isEqualTo(SubagentStatus.COMPLETED);
      assertThat(subagent.blocks()).isNotEmpty();
    });
    assertThat(follower.fold().blocks()).filteredOn(Block.SubagentCall.class::isInstance).hasSize(2)
        .allMatch(block -> ((Block.SubagentCall) block).status() == CallStatus.SUCCESS);
    assertThat(follower.fold().snapshot().usage().usage().totalTokens()).isPositive();
    follower.assertFoldIsSnapshot();
    assertShownAgainAfterUnload();
  }

  @Test
  void aTurnThatTheAgentBeginsByItself() {
    Accepted asked = runtime.send(session, "background 200 ms; say meanwhile");
    follower.awaitTurn(asked.turnId());
    SessionEvent.TurnStarted own = follower.await(SessionEvent.TurnStarted.class, started -> started.messageId() == null);
    SessionEvent.TurnCompleted ended = follower.awaitTurn(own.turnId());
    assertThat(ended.messageId()).isNull();
    assertThat(ended.outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks().getLast().text()).contains("background task has ended");
    follower.await(SessionEvent.StatusChanged.class, status -> status.runtime().turn() == null && status.runtime().sandbox() != null
        && status.runtime().sandbox().status() == SandboxStatus.READY);
    follower.assertFoldIsSnapshot();
    assertShownAgainAfterUnload();
  }

  @Test
  void aTurnOfTheAgentsOwnAndOneOfAMessageMeet() {
    for (int i = 0; i < 8; i++) {
      follower.awaitTurn(runtime.send(session, "background " + i * 10 + " ms; say meanwhile").turnId());
      Accepted second = runtime.send(session, "say second");
      assertThat(follower.awaitTurn(second.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    }
    follower.awaitTurn(runtime.send(session, "say last").turnId());
    follower.assertFoldIsSnapshot();
    assertThat(follower.fold().completedTurns()).filteredOn(completed -> completed.messageId() != null).hasSize(17);
  }

  private void assertShownAgainAfterUnload() {
    Follower before = unloadAndFollow();
    assertThat(follower.start.blocks()).isEqualTo(before.fold().blocks());
    assertThat(follower.start.subagents()).isEqualTo(before.fold().subagents());
    assertThat(follower.start.usage()).isEqualTo(before.fold().snapshot().usage());
    assertThat(follower.start.session().lastActivity()).isEqualTo(before.fold().snapshot().session().lastActivity());
  }
}
