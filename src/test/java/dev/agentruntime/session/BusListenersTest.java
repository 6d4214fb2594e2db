package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Vertx;
import io.vertx.core.eventbus.MessageConsumer;
import org.junit.jupiter.api.Test;

class BusListenersTest {

  @Test
  void anAddressHasListenersFromTheFirstConsumerToTheLast() {
    Vertx vertx = Vertx.vertx();
    try {
      BusListeners listeners = new BusListeners(vertx.eventBus());
      assertThat(listeners.at("here")).isFalse();
      MessageConsumer<Object> first = vertx.eventBus().consumer("here", message -> { });
      MessageConsumer<Object> second = vertx.eventBus().consumer("here", message -> { });
      assertThat(listeners.at("here")).isTrue();
      assertThat(listeners.at("there")).isFalse();
      first.unregister().await();
      assertThat(listeners.at("here")).isTrue();
      second.unregister().await();
      assertThat(listeners.at("here")).isFalse();
    } finally {
      vertx.close().await();
    }
  }
}
