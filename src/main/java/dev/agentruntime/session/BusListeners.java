package dev.agentruntime.session;

import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.impl.EventBusImpl;
import java.lang.reflect.Field;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether anybody of this JVM listens to an address of the event bus: a message for nobody costs as much as all else that is done for a
 * delta. Vert.x knows, but has no method that tells; if its field cannot be looked at (another version, a module), the answer is always
 * yes. Thread-safe.
 */
final class BusListeners {

  private static final Logger log = LoggerFactory.getLogger(BusListeners.class);

  /** {@code null} if it cannot be looked at. */
  private final Map<?, ?> byAddress;

  BusListeners(EventBus bus) {
    Map<?, ?> found = null;
    try {
      Field handlers = EventBusImpl.class.getDeclaredField("handlerMap");
      handlers.setAccessible(true);
      found = (Map<?, ?>) handlers.get(bus);
    } catch (ReflectiveOperationException | RuntimeException e) {
      log.debug("it cannot be seen who listens to the event bus: {}", e.toString());
    }
    byAddress = found;
  }

  boolean at(String address) {
    return byAddress == null || byAddress.containsKey(address);
  }
}
