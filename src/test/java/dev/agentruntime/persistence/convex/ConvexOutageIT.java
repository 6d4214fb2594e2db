package dev.agentruntime.persistence.convex;

import dev.agentruntime.persistence.StoreOutageContract;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConvexOutageIT extends StoreOutageContract {

  private ConvexBridge.Deployment deployment;

  @Override
  protected Map<String, String> open() {
    deployment = ConvexBridge.deploy();
    return Map.of("AGENT_RUNTIME_STORE_URL", "convex+" + deployment.url(), "CONVEX_DEPLOY_KEY", deployment.key());
  }

  @Override
  protected void end() {
    deployment.close();
  }

  @Test
  void itIsOutOfOrderForAWhile() throws Exception {
    outage(() -> deployment.refuse(1_000_000, 503, ""), deployment::recover);
  }
}
