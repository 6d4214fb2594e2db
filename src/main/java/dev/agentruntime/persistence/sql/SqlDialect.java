package dev.agentruntime.persistence.sql;

import io.vertx.core.Vertx;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import java.util.List;

/**
 * What differs between the databases that {@link SqlPersistence} runs on. The statements themselves are common.
 *
 * <p>Threading: {@link #migrate()} blocks and is called on a worker thread, everything else on the store's event loop.
 */
public interface SqlDialect {

  /**
   * Brings the schema up to date. Safe when several processes do it at once.
   *
   * @throws dev.agentruntime.persistence.PersistenceException if it cannot, or if the schema is newer than this program
   */
  void migrate();

  /** Connections that write. */
  Pool writers(Vertx vertx);

  /** Connections that only read, and do not wait for writers. */
  Pool readers(Vertx vertx);

  /** The statement that begins a writing transaction. */
  String begin();

  /** What a {@code SELECT} ends with in order to hold the row until the end of the transaction; empty where writers take turns anyway. */
  String forUpdate();

  /** Bytes as the driver's parameter. */
  Object parameter(byte[] bytes);

  /** Bytes as they came in a column. */
  byte[] bytes(Object column);

  /** How many rows each statement of a batch changed. */
  List<Integer> batchCounts(RowSet<Row> batch);

  /** Whether a statement failed because a row of that key is there already. */
  boolean isDuplicate(Throwable failure);

  /** What went wrong, in a sentence for operators and clients: no path, no statement, no data. */
  String sentence(Throwable failure);
}
