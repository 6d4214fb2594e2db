package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.mysqlclient.MySQLBatchException;
import io.vertx.sqlclient.DatabaseException;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlClient;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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

  /** How often a transaction is tried again that the database undid for another's sake. */
  private static final int REPETITIONS = 10;

  private static final long START_PAUSE_MS = 500;

  private final Vertx vertx;
  private final SqlDialect dialect;
  private final Map<String, String> statements = new ConcurrentHashMap<>();
  private State state = State.NEW;
  private String deployment;
  private Context context;
  private Connections connections;
  private int running;
  private Promise<Void> drained;

  private enum State { NEW, STARTED, CLOSED }

  private record Connections(Pool writers, SqlClient readers) {}

  SqlDatabase(Vertx vertx, SqlDialect dialect) {
    this.vertx = vertx;
    this.dialect = dialect;
  }

  SqlDialect dialect() {
    return dialect;
  }

  /** The statement as the database understands it. */
  String statement(String common) {
    return statements.computeIfAbsent(common, dialect::statement);
  }

  /** The parameters as the driver takes them. */
  Tuple parameters(Tuple common) {
    Tuple parameters = Tuple.tuple();
    for (int i = 0; i < common.size(); i++) {
      parameters.addValue(dialect.parameter(common.getValue(i)));
    }
    return parameters;
  }

  Future<Void> open() {
    synchronized (this) {
      if (state == State.STARTED) {
        return Future.failedFuture(new PersistenceException(Kind.INVALID, "the store is started already"));
      }
      state = State.STARTED;
    }
    var home = new VerticleBase() {
      @Override
      public Future<?> start() {
        return opened(deploymentID(), context);
      }

      @Override
      public Future<?> stop() {
        shut();
        return Future.succeededFuture();
      }
    };
    return vertx.executeBlocking(this::migrate)
        .compose(migrated -> vertx.deployVerticle(home))
        .onFailure(failure -> shut())
        .recover(failure -> Future.failedFuture(failure(failure)))
        .mapEmpty();
  }

  /** A database that is started beside this program, as containers are, may come after it. Waited for as long as for any call. */
  private Void migrate() throws InterruptedException {
    long begun = System.nanoTime();
    for (int attempt = 1; ; attempt++) {
      try {
        dialect.migrate();
        return null;
      } catch (PersistenceException e) {
        long leftMs = dialect.timeoutMs() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
        if (!DatabaseFailure.isOfAStart(e.getMessage()) || leftMs <= START_PAUSE_MS || isClosed()) {
          throw e;
        }
        if (attempt == 1) {
          LOG.warn("{}: waiting up to {} ms for it", e.getMessage(), leftMs);
        }
        Thread.sleep(START_PAUSE_MS);
      }
    }
  }

  private synchronized boolean isClosed() {
    return state == State.CLOSED;
  }

  private synchronized Future<Void> opened(String deploymentId, Context itsContext) {
    if (state == State.CLOSED) {
      return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store is closed"));
    }
    deployment = deploymentId;
    context = itsContext;
    connections = new Connections(dialect.writers(vertx), dialect.readers(vertx));
    return Future.succeededFuture();
  }

  private synchronized void shut() {
    state = State.CLOSED;
    connections = null;
  }

  /** Lets what was begun end. */
  Future<Void> close() {
    Future<Void> ended;
    synchronized (this) {
      if (connections == null) {
        // One that starts ends that.
        shut();
        return Future.succeededFuture();
      }
      shut();
      drained = Promise.promise();
      ended = running == 0 ? Future.succeededFuture() : drained.future();
    }
    return ended.transform(done -> vertx.undeploy(deployment));
  }

  /** One statement that reads. */
  Future<RowSet<Row>> read(String sql, Tuple parameters) {
    return withConnections(open -> open.readers.preparedQuery(statement(sql)).execute(parameters(parameters)));
  }

  /** One statement that writes, and is a transaction by itself. */
  Future<RowSet<Row>> write(String sql, Tuple parameters) {
    return withConnections(open -> open.writers.preparedQuery(statement(sql)).execute(parameters(parameters)));
  }

  /** One statement many times, for databases where that is a transaction. @return how many rows each changed */
  Future<List<Integer>> writeBatch(String sql, List<Tuple> batch) {
    return withConnections(open ->
        open.writers.preparedQuery(statement(sql)).executeBatch(batch.stream().map(this::parameters).toList()))
        .map(dialect::batchCounts);
  }

  /** Commits if the work succeeds, and else undoes all of it. The work may be done several times, until it is done undisturbed. */
  <T> Future<T> transaction(Function<SqlTransaction, Future<T>> work) {
    return withConnections(open -> inTransaction(open, work));
  }

  /*
   * By statements rather than by SqlConnection.begin(): the JDBC client of 5.0.7 leaves a connection out of auto-commit after its first
   * transaction, so that later single statements on it would never be committed.
   */
  private <T> Future<T> inTransaction(Connections open, Function<SqlTransaction, Future<T>> work) {
    return open.writers.getConnection().compose(connection ->
        connection.query(dialect.begin()).execute()
            .compose(begun -> work.apply(new SqlTransaction(this, connection)))
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
    Connections open = enter();
    if (open == null) {
      return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store is closed"));
    }
    return on(context, () -> inTime(open, repeatedly(() -> work.apply(open), REPETITIONS)))
        .onComplete(ended -> leave())
        .recover(failure -> Future.failedFuture(failure(failure)));
  }

  private <T> Future<T> inTime(Connections open, Future<T> work) {
    if (dialect.timeoutMs() == 0) {
      return work;
    }
    Promise<T> promise = Promise.promise();
    long timer = vertx.setTimer(dialect.timeoutMs(), late -> {
      boolean replaced = replace(open);
      promise.tryFail(new TimeoutException("no answer within " + dialect.timeoutMs() + " ms"));
      if (replaced) {
        LOG.warn("The store did not answer within {} ms: its connections are made anew", dialect.timeoutMs());
        open.writers.close();
        open.readers.close();
      }
    });
    work.onComplete(ended -> {
      vertx.cancelTimer(timer);
      if (ended.succeeded()) {
        promise.tryComplete(ended.result());
      } else {
        promise.tryFail(ended.cause());
      }
    });
    return promise.future();
  }

  private synchronized Connections enter() {
    if (connections != null) {
      running++;
    }
    return connections;
  }

  private synchronized void leave() {
    running--;
    if (running == 0 && drained != null) {
      drained.tryComplete();
    }
  }

  /** A connection that does not answer may never do so again, and would be waited for by everybody after. */
  private synchronized boolean replace(Connections silent) {
    if (connections != silent) {
      return false;
    }
    connections = new Connections(dialect.writers(vertx), dialect.readers(vertx));
    return true;
  }

  private <T> Future<T> repeatedly(Supplier<Future<T>> work, int repetitions) {
    return work.get().recover(failure -> repetitions > 0 && dialect.isRepeatable(failure)
        ? repeatedly(work, repetitions - 1)
        : Future.failedFuture(failure));
  }

  private static <T> Future<T> on(Context context, Supplier<Future<T>> work) {
    Promise<T> promise = Promise.promise();
    try {
      context.runOnContext(run -> Future.<Void>succeededFuture().compose(now -> work.get()).onComplete(promise));
    } catch (RejectedExecutionException e) {
      promise.fail(new PersistenceException(Kind.UNAVAILABLE, "the store is closed", e));
    }
    return promise.future();
  }

  /** Whether the database itself has said that it failed. Of what it has not answered nobody knows whether it was done or will be. */
  static boolean wasUndone(Throwable failure) {
    return failure.getCause() instanceof DatabaseException || failure.getCause() instanceof MySQLBatchException
        || failure.getCause() instanceof SQLException;
  }

  private PersistenceException failure(Throwable failure) {
    if (failure instanceof PersistenceException known) {
      return known;
    }
    if (dialect.isConflict(failure)) {
      return new PersistenceException(Kind.CONFLICT, "the store already has one with this id", failure);
    }
    String sentence = failure instanceof TimeoutException ? "the store did not answer in time" : dialect.sentence(failure);
    LOG.warn("The store failed: {} ({})", sentence, failure.toString());
    return new PersistenceException(Kind.UNAVAILABLE, sentence, failure);
  }
}
