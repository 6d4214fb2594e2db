package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TinyAgent;
import dev.agentruntime.support.modal.FakeModal;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** Many sessions at once whose sandboxes are Modal's, each with real processes on this machine. */
@Isolated("it leaves nothing of the machine to others")
class ModalLoadIT {

  private static final int MANY = 200;

  @TempDir
  Path directory;

  @Test
  void twoHundredAtOnce() throws IOException {
    try (FakeModal modal = FakeModal.start(directory.resolve("modal"))) {
      Map<String, String> settings = new HashMap<>(modal.settings());
      settings.put("AGENT_RUNTIME_PROFILES_DIR", TinyAgent.profiles(directory).toString());
      settings.put("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "300000");
      settings.put("AGENT_RUNTIME_SHUTDOWN_GRACE_MS", "300000");
      try (TestRuntime runtime = TestRuntime.start(directory.resolve("data"), settings)) {
        List<String> sessions = IntStream.range(0, MANY).mapToObj(i -> runtime.newSession("tiny")).toList();
        List<Follower> followers = sessions.stream().map(runtime::follow).toList();
        List<String> turns = sessions.stream().map(session -> runtime.send(session, "hello").turnId()).toList();
        for (int i = 0; i < MANY; i++) {
          assertThat(followers.get(i).awaitTurn(turns.get(i)).outcome()).isEqualTo(TurnOutcome.SUCCESS);
          assertThat(followers.get(i).fold().blocks()).filteredOn(Block.AssistantText.class::isInstance).extracting(Block::text)
              .containsExactly(TinyAgent.ANSWER);
        }
        assertThat(modal.alive()).hasSize(MANY);
        assertThat(modal.images()).as("images that were built").hasSize(1);
        assertThat(modal.calls(ModalRpc.APP_GET_OR_CREATE)).isEqualTo(1);
        await(Future.all(sessions.stream().map(session -> runtime.sessions().unload(session)).toList()));
        assertThat(modal.alive()).isEmpty();
      }
    }
  }
}
