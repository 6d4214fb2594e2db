package dev.agentruntime.persistence.convex;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.TestRuntime;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole runtime on this store, chosen by its settings. */
class ConvexRuntimeIT {

  @TempDir
  Path folder;

  @Test
  void aSessionGoesOnAfterARestartElsewhere() {
    try (ConvexBridge.Deployment deployment = ConvexBridge.deploy()) {
      Map<String, String> settings = Map.of(
          "AGENT_RUNTIME_STORE_URL", "convex+" + deployment.url(), "CONVEX_DEPLOY_KEY", deployment.key());
      String id;
      SessionSnapshot before;
      try (TestRuntime runtime = TestRuntime.start(folder.resolve("one"), settings)) {
        id = runtime.newSession();
        converse(runtime, id, "say Hello; write notes.txt: first");
        before = snapshot(runtime, id);
        runtime.unloadAll();
      }
      try (TestRuntime runtime = TestRuntime.start(folder.resolve("other"), settings)) {
        SessionSnapshot after = snapshot(runtime, id);
        assertThat(after.blocks()).isEqualTo(before.blocks()).isNotEmpty();
        assertThat(after.workspaceFiles()).isEqualTo(before.workspaceFiles()).hasSize(1);
        converse(runtime, id, "say again");
        assertThat(snapshot(runtime, id).blocks()).hasSizeGreaterThan(after.blocks().size());
        runtime.unloadAll();
      }
    }
  }

  private static void converse(TestRuntime runtime, String sessionId, String text) {
    Follower follower = runtime.follow(sessionId);
    assertThat(follower.awaitTurn(runtime.send(sessionId, text).turnId()).outcome().toString()).isEqualToIgnoringCase("success");
  }

  private static SessionSnapshot snapshot(TestRuntime runtime, String sessionId) {
    return Follower.snapshot(TestRuntime.await(runtime.sessions().get(sessionId)));
  }
}
