package dev.agentruntime.support;

import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** A sibling on the event bus of a {@code Vertx}, the runtime's own or another member of its cluster. */
public final class BusSibling implements Sibling {

  private final Vertx vertx;
  private final List<MessageConsumer<JsonObject>> consumers = new ArrayList<>();

  public BusSibling(Vertx vertx) {
    this.vertx = vertx;
  }

  @Override
  public Reply ask(String address, String action, Object body) {
    DeliveryOptions options = action == null ? new DeliveryOptions() : new DeliveryOptions().addHeader("action", action);
    try {
      return new Reply(0, TestRuntime.await(vertx.eventBus().<JsonObject>request(address, body, options)).body());
    } catch (ReplyException e) {
      return new Reply(e.failureCode(), e.failureCode() > 0 ? new JsonObject(e.getMessage()) : new JsonObject());
    }
  }

  @Override
  public Heard listen(String address) {
    Heard heard = new Heard();
    MessageConsumer<JsonObject> consumer = vertx.eventBus().consumer(address, message -> heard.add(message.body()));
    TestRuntime.await(consumer.completion());
    consumers.add(consumer);
    return heard;
  }

  @Override
  public void close() {
    consumers.forEach(consumer -> TestRuntime.await(consumer.unregister()));
  }
}
