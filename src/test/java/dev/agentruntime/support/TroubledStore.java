package dev.agentruntime.support;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** A store that can be made to fail. Only what changes something is troubled, and the answer to whether it is there. Thread-safe. */
public final class TroubledStore implements InvocationHandler {

  public enum Trouble {
    NONE,
    /** Does nothing and says so. */
    FAILS,
    /** Does it and says that it failed. */
    LOSES_ANSWERS,
    /** Says nothing until there is no trouble any more, and does it then. */
    HANGS
  }

  private final PersistenceAdapter store;
  private volatile Trouble trouble = Trouble.NONE;
  private Promise<Void> over = Promise.promise();

  public TroubledStore(PersistenceAdapter store) {
    this.store = store;
  }

  public PersistenceAdapter adapter() {
    return (PersistenceAdapter) Proxy.newProxyInstance(TroubledStore.class.getClassLoader(),
        new Class<?>[] {PersistenceAdapter.class}, this);
  }

  public synchronized void set(Trouble next) {
    trouble = next;
    if (next == Trouble.NONE) {
      over.complete();
      over = Promise.promise();
    }
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    boolean troubled = method.getName().matches("save.*|update.*|replace.*|delete.*|ping");
    Future<Void> end;
    synchronized (this) {
      end = over.future();
    }
    return switch (troubled ? trouble : Trouble.NONE) {
      case NONE -> call(method, arguments);
      case FAILS -> Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store is away"));
      case LOSES_ANSWERS -> call(method, arguments)
          .compose(done -> Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the answer was lost")));
      case HANGS -> end.compose(v -> {
        try {
          return call(method, arguments);
        } catch (Throwable e) {
          return Future.failedFuture(e);
        }
      });
    };
  }

  private Future<?> call(Method method, Object[] arguments) throws Throwable {
    try {
      return (Future<?>) method.invoke(store, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
