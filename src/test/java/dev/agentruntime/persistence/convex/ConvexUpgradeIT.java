package dev.agentruntime.persistence.convex;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.EarlierVersionContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** This version's functions, deployed where those of the first version were. */
class ConvexUpgradeIT implements EarlierVersionContract {

  private final Vertx vertx = Vertx.vertx();
  private ConvexBridge.Deployment deployment;
  private PersistenceAdapter store;

  @Override
  public PersistenceAdapter store() {
    return store;
  }

  @Override
  public void openStoreOfTheFirstVersion() {
    deployment = ConvexBridge.deploy();
    String old = deployment.insert("sessions", List.of(session("old", "{\"sandboxId\":\"s\"}"), session("idle", "null"))).getFirst();
    ObjectNode transcript = Json.object().put("session", old).put("kind", "transcript").put("name", "t").put("length", 3).put("loose", 1)
        .put("looseFrom", 0);
    transcript.set("modifiedAt", ConvexValues.integer(0));
    chunk(deployment.insert("contents", List.of(transcript)).getFirst(), "abc");
    String document = "{\"name\":\"P\"}";
    chunk(deployment.insert("profiles", List.of(Json.object().put("profileId", "by hand").put("version", "v1")
        .put("length", document.length()))).getFirst(), document);
    store = new ConvexPersistence(vertx, deployment.url(), deployment.key(), ConvexBridge.TIMEOUT_MS);
    await(store.start());
  }

  private static ObjectNode session(String id, String recovery) {
    ObjectNode session = Json.object().put("sessionId", id).put("owner", "epoch-0").put("type", "t").put("profile", "p").putNull("name")
        .put("facts", "{\"sessionOptions\":{},\"metadata\":null,\"recovery\":" + recovery + "}").put("recoverable", !recovery.equals("null"));
    session.set("createdAt", ConvexValues.integer(1));
    session.set("lastActivity", ConvexValues.integer(2));
    return session;
  }

  private void chunk(String of, String text) {
    ObjectNode chunk = Json.object().put("of", of).put("start", 0);
    chunk.set("bytes", ConvexValues.bytes(text.getBytes(StandardCharsets.UTF_8)));
    deployment.insert("chunks", List.of(chunk));
  }

  @AfterEach
  void close() {
    await(store.close());
    deployment.close();
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }
}
