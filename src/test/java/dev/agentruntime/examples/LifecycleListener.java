package dev.agentruntime.examples;

import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.json.JsonObject;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

/** Knows which sessions are in memory, by listening alone. */
public final class LifecycleListener extends VerticleBase {

  private final Set<String> inMemory = new ConcurrentSkipListSet<>();

  @Override
  public Future<?> start() {
    return vertx.eventBus().<JsonObject>consumer("agent-runtime.lifecycle", message -> {
      String sessionId = message.body().getJsonObject("data").getString("sessionId");
      switch (message.body().getString("event")) {
        case "session:loaded" -> inMemory.add(sessionId);
        case "session:unloaded", "session:deleted" -> inMemory.remove(sessionId);
        default -> { }
      }
    }).completion();
  }

  public Set<String> inMemory() {
    return inMemory;
  }
}
