package dev.agentruntime;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Context;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AgentRuntimeTest {

  @TempDir
  Path directory;

  /** On a virtual thread the closing of the Vertx, which an application does next, would wait for that thread's own end. */
  @Test
  void whoWaitsForTheShutdownIsToldOnAnEventLoop() {
    try (TestRuntime runtime = TestRuntime.start(directory, Map.of())) {
      String id = runtime.newSession();
      runtime.follow(id).awaitTurn(runtime.send(id, "say hello").turnId());
      boolean onEventLoop = await(runtime.runtime.shutdown().map(down -> Context.isOnEventLoopThread()));
      assertThat(onEventLoop).isTrue();
    }
  }
}
