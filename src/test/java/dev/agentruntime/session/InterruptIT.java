package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.RuntimeState.SandboxStatus;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.TurnOutcome;
import org.junit.jupiter.api.Test;

/** An interrupt stops the running turn, whatever it is about, and nothing else. */
class InterruptIT extends SharedRuntime {

  @Test
  void midTextKeepsTheText() {
    Accepted turn = runtime.send(session, "say 1000 deltas every 20 ms");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("word5"));
    interrupt();
    interrupt();
    assertInterrupted(turn);
    assertThat(follower.fold().blocks()).anyMatch(block -> block.text().startsWith("word0 word1 word2 word3 word4 word5"));
    assertGoesOn();
  }

  @Test
  void midToolEndsItsProcess() {
    Accepted turn = runtime.send(session, "run sleep 4321");
    traces.awaitProcess("sleep 4321");
    interrupt();
    assertInterrupted(turn);
    traces.awaitNoProcess("sleep 4321");
    assertThat(follower.fold().blocks()).filteredOn(Block.ToolUse.class::isInstance).singleElement()
        .satisfies(block -> assertThat(((Block.ToolUse) block).status()).isEqualTo(CallStatus.ERROR));
    assertGoesOn();
  }

  @Test
  void midSubagentEndsItToo() {
    Accepted turn = runtime.send(session, "subagent 60 s");
    follower.await(SessionEvent.SubagentDiscovered.class, e -> true);
    interrupt();
    assertInterrupted(turn);
    assertThat(follower.fold().subagents()).singleElement()
        .satisfies(subagent -> assertThat(subagent.status()).isNotEqualTo(SubagentStatus.RUNNING));
    assertGoesOn();
  }

  @Test
  void anAgentThatHasHardlyGotTheMessage() {
    follower.awaitTurn(runtime.send(session, "say warm").turnId());
    for (int i = 0; i < 10; i++) {
      Accepted turn = runtime.send(session, "silent");
      interrupt();
      assertInterrupted(turn);
    }
    assertGoesOn();
  }

  @Test
  void whileTheSandboxIsStarting() {
    Accepted turn = runtime.send(session, "say never");
    follower.await(SessionEvent.StatusChanged.class,
        e -> e.runtime().sandbox() != null && e.runtime().sandbox().status() == SandboxStatus.STARTING);
    interrupt();
    assertInterrupted(turn);
    assertGoesOn();
    assertThat(follower.fold().blocks()).noneMatch(block -> block.text().contains("never"));
  }

  @Test
  void aSilentAgent() {
    Accepted turn = runtime.send(session, "silent");
    follower.await(SessionEvent.StatusChanged.class,
        e -> e.runtime().sandbox() != null && e.runtime().sandbox().status() == SandboxStatus.READY);
    interrupt();
    assertInterrupted(turn);
    assertGoesOn();
  }

  @Test
  void whenNothingRunsChangesNothing() {
    interrupt();
    follower.awaitTurn(runtime.send(session, "say here I am").turnId());
    interrupt();
    interrupt();
    assertGoesOn();
    assertThat(follower.fold().completedTurns()).extracting(SessionEvent.TurnCompleted::outcome).containsOnly(TurnOutcome.SUCCESS);
  }

  private void interrupt() {
    await(runtime.sessions().interrupt(session));
  }

  private void assertInterrupted(Accepted turn) {
    SessionEvent.TurnCompleted completed = follower.awaitTurn(turn.turnId());
    assertThat(completed.outcome()).isEqualTo(TurnOutcome.INTERRUPTED);
    assertThat(completed.error()).isNull();
    assertThat(follower.fold().blocks()).noneMatch(Block.ErrorNote.class::isInstance);
  }

  private void assertGoesOn() {
    assertThat(follower.awaitTurn(runtime.send(session, "say on and on").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks().getLast().text()).isEqualTo("on and on");
    follower.assertFoldIsSnapshot();
  }
}
