package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Test;

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

  @Test
  void aStartThatIsNotAnsweredEndsInTime() throws Exception {
    await(open(database));
    server().process().suspend();
    try {
      assertThat(refused(Kind.UNAVAILABLE, open(with(database.password(), database.database(), 2_000))))
          .hasMessage("the database cannot be reached");
    } finally {
      server().process().resume();
    }
  }
}
