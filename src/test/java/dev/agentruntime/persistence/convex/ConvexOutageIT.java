package dev.agentruntime.persistence.convex;

import dev.agentruntime.persistence.StoreOutageContract;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;

class ConvexOutageIT extends StoreOutageContract {

  private ConvexBridge.Deployment deployment;

  @Override
  protected Map<String, String> open() {
    deployment = ConvexBridge.deploy();
    return Map.of("AGENT_RUNTIME_STORE_URL", "convex+" + deployment.url(), "CONVEX_DEPLOY_KEY", deployment.key());
  }

  @Override
  protected void end() throws IOException {
    ConvexBridge.signal("CONT");
    deployment.close();
  }

  @Test
  void itIsOutOfOrderForAWhile() throws Exception {
    outage(() -> deployment.refuse(1_000_000, 503, ""), deployment::recover);
  }

  /** What it was asked meanwhile it does all the same, late. */
  @Test
  @ResourceLock(ConvexBridge.PROCESS)
  void itAnswersNothingForAWhile() throws Exception {
    outage(() -> ConvexBridge.signal("STOP"), () -> ConvexBridge.signal("CONT"));
  }
}
