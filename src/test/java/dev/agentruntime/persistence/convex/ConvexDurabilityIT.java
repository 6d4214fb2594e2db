package dev.agentruntime.persistence.convex;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.SavedByProcesses;
import dev.agentruntime.persistence.SavingProcess;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A save that was reported complete outlives our process, however it ends. That Convex keeps what it has committed is Convex's to prove. */
@Timeout(180)
class ConvexDurabilityIT implements SavedByProcesses {

  private static final int SAVES_BEFORE_A_KILL = 150;

  private PersistenceAdapter store;

  @Override
  public PersistenceAdapter store() {
    return store;
  }

  @Test
  void whatWasSavedOutlivesKills() throws Exception {
    Vertx vertx = Vertx.vertx();
    try (ConvexBridge.Deployment deployment = ConvexBridge.deploy()) {
      Map<String, String> settings = Map.of(
          "AGENT_RUNTIME_STORE_URL", "convex+" + deployment.url(), "CONVEX_DEPLOY_KEY", deployment.key());
      List<String> saved = new ArrayList<>();
      try (SavingProcess one = SavingProcess.start(settings, 0); SavingProcess other = SavingProcess.start(settings, 0)) {
        for (int line = 0; line < SAVES_BEFORE_A_KILL; line++) {
          saved.add(one.nextLine());
          saved.add(other.nextLine());
        }
        saved.addAll(one.kill());
        saved.addAll(other.kill());
      }
      store = new ConvexPersistence(vertx, deployment.url(), deployment.key(), ConvexBridge.TIMEOUT_MS);
      await(store.start());
      checkAllAreThere(saved, 2 * SavingProcess.SESSIONS);
      await(store.close());
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    }
  }
}
