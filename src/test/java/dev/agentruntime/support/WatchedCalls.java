package dev.agentruntime.support;

import dev.agentruntime.persistence.PersistenceAdapter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.function.Consumer;

/** A store whose calls are told. */
public final class WatchedCalls {

  private WatchedCalls() {}

  /** @param told the name of each method, before it is called, on the caller's thread */
  public static PersistenceAdapter of(PersistenceAdapter store, Consumer<String> told) {
    return (PersistenceAdapter) Proxy.newProxyInstance(WatchedCalls.class.getClassLoader(), new Class<?>[] {PersistenceAdapter.class},
        (proxy, method, arguments) -> {
          told.accept(method.getName());
          try {
            return method.invoke(store, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        });
  }
}
