package dev.agentruntime.persistence.sql;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** What is true of every database server, of a PostgreSQL. */
abstract class PostgresContract extends DatabaseServerContract {

  @Override
  abstract PostgresServer server();

  @Override
  String schema() {
    return PostgresDialect.SCHEMA;
  }

  @Override
  SqlDialect dialect(DatabaseServer of) {
    return new PostgresDialect(of);
  }

  @Override
  String plan(Statement statement, String sql) throws SQLException {
    StringBuilder plan = new StringBuilder();
    try (ResultSet rows = statement.executeQuery("EXPLAIN " + sql)) {
      while (rows.next()) {
        plan.append(rows.getString(1)).append('\n');
      }
    }
    return plan.toString();
  }

  @Override
  String waiting() {
    return "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  }

  @Override
  long logBytes() throws SQLException {
    return number("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn");
  }
}
