package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections to one database, and the one place where its failures become {@link PersistenceException}s.
 *
 * <p>All of it runs on an event loop of its own: a transaction holds a connection, and must not wait for a caller's thread to be free
 * between two of its statements.
 */
final class SqlDatabase {

  private static final Logger LOG = LoggerFactory.getLogger(SqlDatabase.class);

  private final Vertx vertx;
  private final SqlDialect dialect;
  private final AtomicBoolean started = new AtomicBoolean();
  private volatile Connections connections;

  private record Connections(String deployment, Context context, Pool writers, Pool readers) {}

  SqlDatabase(Vertx vertx, SqlDialect dialect) {
    this.vertx = vertx;
    this.dialect = dialect;
  }

  SqlDialect dialect() {
    return dialect;
  }

  Future<Void> open() {
    if (!started.compareAndSet(false, true)) {
      return Future.failedFuture(new PersistenceException(Kind.INVALID, "the store is started already"));
    }
    Promise<Connections> opened = Promise.promise();
    var home = new VerticleBase() {
      @Override
      public Future<?> start() {
        opened.complete(new Connections(deploymentID(), context, dialect.writers(vertx), dialect.readers(vertx)));
        return Future.succeededFuture();
      }

      @Override
      public Future<?> stop() {
        connections = null;
        return Future.succeededFuture();
      }
    };
    return vertx.executeBlocking(() -> {
      dialect.migrate();
      return null;
    })
        .compose(migrated -> vertx.deployVerticle(home))
        .compose(deployed -> opened.future())
        .onSuccess(made -> connections = made)
        .onFailure(failure -> started.set(false))
        .recover(failure -> Future.failedFuture(failure(failure)))
        .mapEmpty();
  }

  /** Lets the writes that were begun end. */
  Future<Void> close() {
    Connections open = connections;
    connections = null;
    if (open == null) {
      return Future.succeededFuture();
    }
    return on(open, () -> inTransaction(open, connection -> Future.succeededFuture()))
        .transform(drained -> vertx.undeploy(open.deployment))
        .mapEmpty();
  }

  /** One statement that reads. */
  Future<RowSet<Row>> read(String sql, Tuple parameters) {
    return withConnections(open -> open.readers.preparedQuery(sql).execute(parameters));
  }

  /** One statement that writes, and is a transaction by itself. */
  Future<RowSet<Row>> write(String sql, Tuple parameters) {
    return withConnections(open -> open.writers.preparedQuery(sql).execute(parameters));
  }

  /** Commits if the work succeeds, and else undoes all of it. */
  <T> Future<T> transaction(Function<SqlConnection, Future<T>> work) {
    return withConnections(open -> inTransaction(open, work));
  }

  /*
   * By statements rather than by SqlConnection.begin(): the JDBC client of 5.0.7 leaves a connection out of auto-commit after its first
   * transaction, so that later single statements on it would never be committed.
   */
  private <T> Future<T> inTransaction(Connections open, Function<SqlConnection, Future<T>> work) {
    return open.writers.getConnection().compose(connection ->
        connection.query(dialect.begin()).execute()
            .compose(begun -> work.apply(connection))
            .compose(result -> connection.query("COMMIT").execute().map(result))
            .transform(outcome -> outcome.succeeded()
                ? release(connection).map(outcome.result())
                : connection.query("ROLLBACK").execute()
                    .transform(undone -> release(connection))
                    .transform(released -> Future.failedFuture(outcome.cause()))));
  }

  private static Future<Void> release(SqlConnection connection) {
    return connection.close().otherwiseEmpty();
  }

  private <T> Future<T> withConnections(Function<Connections, Future<T>> work) {
    Connections open = connections;
    if (open == null) {
      return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store is closed"));
    }
    return on(open, () -> work.apply(open)).recover(failure -> Future.failedFuture(failure(failure)));
  }

  private static <T> Future<T> on(Connections open, Supplier<Future<T>> work) {
    Promise<T> promise = Promise.promise();
    try {
      open.context.runOnContext(run -> Future.<Void>succeededFuture().compose(now -> work.get()).onComplete(promise));
    } catch (RejectedExecutionException e) {
      promise.fail(new PersistenceException(Kind.UNAVAILABLE, "the store is closed", e));
    }
    return promise.future();
  }

  private PersistenceException failure(Throwable failure) {
    if (failure instanceof PersistenceException known) {
      return known;
    }
    if (dialect.isDuplicate(failure)) {
      return new PersistenceException(Kind.CONFLICT, "the store has one of that id already", failure);
    }
    LOG.warn("The store failed: {}", failure.toString());
    return new PersistenceException(Kind.UNAVAILABLE, dialect.sentence(failure), failure);
  }
}
