package dev.agentruntime.support;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.function.Supplier;

/** A store, or another part behind an interface, whose calls a test sees and may answer in its own way. */
public final class Intercepted {

  private Intercepted() {}

  /** Called for each call, on the caller's thread. */
  public interface Interceptor {

    /** @param real makes the call that was meant, whenever it is asked */
    Object answer(Method method, Object[] arguments, Supplier<Object> real);
  }

  public static <T> T of(Class<T> type, T real, Interceptor interceptor) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
        (proxy, method, arguments) -> interceptor.answer(method, arguments, () -> call(real, method, arguments))));
  }

  private static Object call(Object real, Method method, Object[] arguments) {
    try {
      return method.invoke(real, arguments);
    } catch (InvocationTargetException e) {
      switch (e.getCause()) {
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        default -> throw new IllegalStateException(e.getCause());
      }
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }
}
