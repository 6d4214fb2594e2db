package dev.agentruntime.persistence.sql;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.util.List;

/**
 * The statements of one transaction. They are executed in the order in which they are given, so that those that do not need each other's
 * results are given at once, and travel together where the database allows it.
 */
final class SqlTransaction {

  private final SqlDatabase database;
  private final SqlConnection connection;

  SqlTransaction(SqlDatabase database, SqlConnection connection) {
    this.database = database;
    this.connection = connection;
  }

  Future<RowSet<Row>> execute(String sql, Tuple parameters) {
    return connection.preparedQuery(database.statement(sql)).execute(database.parameters(parameters));
  }

  Future<RowSet<Row>> executeBatch(String sql, List<Tuple> parameters) {
    return connection.preparedQuery(database.statement(sql)).executeBatch(parameters.stream().map(database::parameters).toList());
  }
}
