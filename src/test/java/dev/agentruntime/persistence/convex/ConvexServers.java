package dev.agentruntime.persistence.convex;

import dev.agentruntime.support.MeasuredStore;
import io.vertx.core.Vertx;

/** Convex's test runtime, for whoever wants to measure what its functions do; how fast Convex itself is, it does not tell. */
public final class ConvexServers {

  private ConvexServers() {}

  /** A new deployment. */
  public static MeasuredStore deployment(Vertx vertx) {
    ConvexBridge.Deployment deployment = ConvexBridge.deploy();
    return new MeasuredStore("Convex (its test runtime)",
        new ConvexPersistence(vertx, deployment.url(), deployment.key(), ConvexBridge.TIMEOUT_MS), () -> deployment.usage().bytesWritten());
  }
}
