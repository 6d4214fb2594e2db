package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.CrashableServer;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.ScriptedClaude;
import dev.agentruntime.support.TestRuntime;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A server is killed while the real Claude Code CLI is at work; the next one goes on with the same turn of the same process. */
@Execution(ExecutionMode.CONCURRENT)
class ClaudeCrashIT {

  private static final String TEXT =
      IntStream.range(0, 200).mapToObj(i -> "word" + i + " ").collect(Collectors.joining());

  @RegisterExtension
  final ScriptedClaude claude = new ScriptedClaude();

  @TempDir
  Path directory;

  @AfterEach
  void nothingIsLeft() {
    new SandboxTraces(directory).awaitNothing();
  }

  @Test
  void aKilledServersTurnGoesOnWithoutGapOrDouble() {
    try (CrashableServer server = new CrashableServer(directory, null, claude.settings())) {
      String session = server.newSession("default");
      server.follow(session);
      String turn = server.send(session, UUID.randomUUID().toString(), "play:text n=200 delay=30");
      server.awaitFrame(frame -> frame.contains("word5 "));
      server.kill();
      try (TestRuntime runtime = TestRuntime.start(directory, claude.settings())) {
        Follower follower = runtime.follow(session);
        SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> "turn " + turn + " runs");
        List<SessionEvent.TurnCompleted> ends = follower.fold().completedTurns();
        assertThat(ends).hasSizeLessThanOrEqualTo(1)
            .allMatch(end -> end.turnId().equals(turn) && end.outcome() == TurnOutcome.SUCCESS);
        CrashIT.assertKeeps(server, follower);
        assertThat(CrashIT.texts(follower.fold().blocks())).containsExactly(TEXT);
        assertThat(follower.fold().blocks()).hasSize(2).noneMatch(Block.ErrorNote.class::isInstance);
        assertThat(follower.assertFoldIsSnapshot().usage().usage().outputTokens()).isPositive();
        assertThat(claude.model().asked()).hasSize(1);

        assertThat(follower.awaitTurn(runtime.send(session, "play:history").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
        assertThat(CrashIT.texts(follower.fold().blocks())).last().asString().contains("user: play:text", "assistant: word0 ");
        runtime.unloadAll();
      }
    }
  }
}
