package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.TestRuntime;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversations with the demo agent in real processes, through the session manager. */
class ConversationIT {

  @TempDir
  Path directory;

  @Test
  void aTurnShowsWhatTheAgentSaysAndTheSnapshotIsTheFold() {
    try (TestRuntime runtime = TestRuntime.start(directory, Map.of())) {
      String session = runtime.newSession();
      Follower follower = runtime.follow(session);

      SendMessage.Accepted accepted = runtime.send(session, "say \"hello there\" in 4 deltas every 1 ms");
      assertThat(accepted.queued()).isZero();
      assertThat(follower.awaitTurn(accepted.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);

      assertThat(follower.fold().blocks().getFirst()).isInstanceOf(Block.UserMessage.class);
      assertThat(follower.fold().blocks().getFirst().id()).isEqualTo(accepted.messageId());
      assertThat(follower.fold().blocks().stream().map(Block::text)).contains("hello there");
      follower.assertFoldIsSnapshot();
    }
  }

  @Test
  void theConversationGoesOnAfterAnUnload() {
    try (TestRuntime runtime = TestRuntime.start(directory, Map.of())) {
      String session = runtime.newSession();
      Follower before = runtime.follow(session);
      before.awaitTurn(runtime.send(session, "say \"first words\" in 2 deltas every 1 ms; write notes.txt: hello").turnId());
      await(runtime.sessions().unload(session));

      Follower after = runtime.follow(session);
      assertThat(after.start.blocks()).isEqualTo(before.fold().blocks());
      assertThat(after.start.workspaceFiles()).isEqualTo(before.fold().snapshot().workspaceFiles()).isNotEmpty();
      assertThat(after.start.usage()).isEqualTo(before.fold().snapshot().usage());
      assertThat(after.start.epoch()).isNotEqualTo(before.start.epoch());

      after.awaitTurn(runtime.send(session, "recall").turnId());
      assertThat(after.fold().blocks().getLast().text()).contains("first words");
    }
  }
}
