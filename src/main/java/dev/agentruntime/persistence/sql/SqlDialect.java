package dev.agentruntime.persistence.sql;

import io.vertx.core.Vertx;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlClient;
import java.util.ArrayList;
import java.util.List;

/**
 * What differs between the databases that {@link SqlPersistence} runs on. The statements themselves are common.
 *
 * <p>Threading: {@link #migrate()} blocks and is called on a worker thread, everything else on the store's event loop.
 */
public interface SqlDialect {

  /** How appends of several sessions go into one commit. */
  enum Grouping {
    /** A batch of statements, which is a transaction. */
    BATCH,
    /** A batch of statements within a transaction. */
    TRANSACTION,
    /** One statement for all, that fails if one of them is refused. */
    STATEMENT
  }

  /**
   * Brings the schema up to date. Safe when several processes do it at once.
   *
   * @throws dev.agentruntime.persistence.PersistenceException if it cannot, or if the schema is newer than this program
   */
  void migrate();

  /** Connections that write. */
  Pool writers(Vertx vertx);

  /** Connections that only read, and do not wait for writers. */
  SqlClient readers(Vertx vertx);

  /**
   * How long one call may take, in milliseconds, before the connections are given up and made anew; 0 where there is nothing between this
   * process and the database that could swallow an answer.
   */
  long timeoutMs();

  /** The statement as this database understands it. @param common with {@code ?} for parameters and the bare names of the tables */
  String statement(String common);

  /** The statement that begins a writing transaction. */
  String begin();

  /**
   * What a {@code SELECT} ends with in order to hold the row of the session, aliased {@code s}, until the end of the transaction; empty
   * where writers take turns anyway.
   */
  String forUpdate();

  /** The condition that a row of {@code session} has a recovery, as the index of those sessions has it. */
  String recoverable();

  /** How appends of several sessions are committed together. */
  Grouping appends();

  /** A parameter as the driver takes it. @param value a {@code String}, a number, {@code null}, or a {@code Buffer} */
  Object parameter(Object value);

  /** Text as it came in a column, or {@code null}. */
  String text(Object column);

  /** How many rows each statement of a batch changed: the clients of servers give one result for each. */
  default List<Integer> batchCounts(RowSet<Row> batch) {
    List<Integer> counts = new ArrayList<>();
    for (RowSet<Row> each = batch; each != null; each = each.next()) {
      counts.add(each.rowCount());
    }
    return counts;
  }

  /** Whether a statement failed because a row of that key is there already, or one that it refers to is not, or no longer. */
  boolean isConflict(Throwable failure);

  /** Whether the database undid a transaction that may simply be tried again: it and another were in each other's way. */
  boolean isRepeatable(Throwable failure);

  /** What went wrong, in a sentence for operators and clients: no path, no statement, no data. */
  String sentence(Throwable failure);
}
