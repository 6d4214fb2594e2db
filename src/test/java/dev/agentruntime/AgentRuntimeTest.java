package dev.agentruntime;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
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

  @Test
  void whoAsksOftenWhetherASilentStoreIsThereAsksItOnce() {
    AtomicInteger pings = new AtomicInteger();
    UnaryOperator<PersistenceAdapter> silent = store -> Intercepted.of(PersistenceAdapter.class, store, (method, arguments, real) -> {
      if (method.getName().equals("ping")) {
        pings.incrementAndGet();
        return Promise.promise().future();
      }
      return real.get();
    });
    try (TestRuntime runtime = TestRuntime.start(directory, Map.of(), silent)) {
      List<Future<List<String>>> asked = List.of(runtime.sessions().readiness(), runtime.sessions().readiness(), runtime.sessions().readiness());
      asked.forEach(answer -> assertThat(await(answer)).containsExactly("The store cannot be reached."));
      assertThat(pings).hasValue(1);
    }
  }
}
