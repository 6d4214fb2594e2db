package dev.agentruntime.persistence.sql;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import javax.sql.DataSource;

/**
 * PostgreSQL through a pooler in transaction mode, for Flyway. Flyway sets the search path of its connection, but what the pooler lends to
 * it is lent to others next, who would find their tables no more. As all names are qualified nothing needs the path, and it is left alone.
 */
final class PooledDataSource implements InvocationHandler {

  private static final String SET_SEARCH_PATH = "SELECT set_config('search_path', ?, false)";
  private static final String SET_NOTHING = "SELECT ?::text";

  private final Object target;

  private PooledDataSource(Object target) {
    this.target = target;
  }

  static DataSource of(DataSource direct) {
    return proxy(DataSource.class, direct);
  }

  private static <T> T proxy(Class<T> type, Object target) {
    return type.cast(Proxy.newProxyInstance(PooledDataSource.class.getClassLoader(), new Class<?>[] {type}, new PooledDataSource(target)));
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    if (method.getName().equals("prepareStatement") && arguments[0].equals(SET_SEARCH_PATH)) {
      arguments[0] = SET_NOTHING;
    }
    try {
      Object result = method.invoke(target, arguments);
      return result instanceof Connection connection ? proxy(Connection.class, connection) : result;
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
