package dev.agentruntime.examples;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/** Asks an agent something over the event bus and passes its text on as it comes. All it knows of the runtime is its addresses. */
public final class SiblingVerticle extends VerticleBase {

  private final String question;
  private final Consumer<String> text;
  private final Map<String, String> types = new HashMap<>();
  private final Promise<String> outcome = Promise.promise();

  public SiblingVerticle(String question, Consumer<String> text) {
    this.question = question;
    this.text = text;
  }

  @Override
  public Future<?> start() {
    return request("agent-runtime.sessions", "create", new JsonObject().put("agentProfileRef", "demo")).compose(created -> {
      String session = "agent-runtime.session." + created.getString("sessionId");
      return vertx.eventBus().<JsonObject>consumer(session + ".events", event -> on(event.body())).completion()
          .compose(listening -> request(session, "message", new JsonObject().put("content", question)));
    });
  }

  private Future<JsonObject> request(String address, String action, JsonObject body) {
    return vertx.eventBus().<JsonObject>request(address, body, new DeliveryOptions().addHeader("action", action)).map(Message::body);
  }

  private void on(JsonObject event) {
    JsonObject data = event.getJsonObject("data");
    switch (event.getString("event")) {
      case "session:block:start" -> {
        JsonObject block = data.getJsonObject("block");
        types.put(block.getString("id"), block.getString("type"));
      }
      case "session:block:delta" -> {
        if (types.get(data.getString("blockId")).equals("assistant_text")) {
          text.accept(data.getString("delta"));
        }
      }
      case "session:turn:completed" -> outcome.complete(data.getString("outcome"));
      default -> { }
    }
  }

  /** Done when the turn is: success, error or interrupted. */
  public Future<String> outcome() {
    return outcome.future();
  }
}
