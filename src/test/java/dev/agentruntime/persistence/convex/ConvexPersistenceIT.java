package dev.agentruntime.persistence.convex;

import dev.agentruntime.persistence.DurablePersistenceContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import io.vertx.core.Vertx;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Each test has a deployment of its own: convex-test looks at every document of a table, index or not. */
@Execution(ExecutionMode.CONCURRENT)
@ResourceLock(value = ConvexBridge.PROCESS, mode = ResourceAccessMode.READ)
class ConvexPersistenceIT extends DurablePersistenceContract {

  private static final Vertx VERTX = Vertx.vertx();

  private ConvexBridge.Deployment deployment;

  @Override
  protected PersistenceAdapter open() {
    if (deployment == null) {
      deployment = ConvexBridge.deploy();
    }
    return new ConvexPersistence(VERTX, deployment.url(), deployment.key(), ConvexBridge.TIMEOUT_MS);
  }

  @AfterEach
  void undeploy() {
    if (deployment != null) {
      deployment.close();
    }
  }

  @AfterAll
  static void closeVertx() {
    VERTX.close().toCompletionStage().toCompletableFuture().join();
  }
}
