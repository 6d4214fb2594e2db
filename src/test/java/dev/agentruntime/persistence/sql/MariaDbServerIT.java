package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class MariaDbServerIT extends DatabaseServerContract {

  private static MariaDbServer server;

  @BeforeAll
  static void start() throws Exception {
    server = MariaDbServer.shared();
  }

  @Override
  RealServer server() {
    return server;
  }

  @Override
  String schema() {
    return null;
  }

  @Override
  SqlDialect dialect(DatabaseServer of) {
    return new MysqlDialect(of);
  }

  @Override
  String plan(Statement statement, String sql) throws SQLException {
    try (ResultSet rows = statement.executeQuery("EXPLAIN " + sql)) {
      rows.next();
      return rows.getString("type") + " by " + rows.getString("key") + ": " + rows.getString("Extra");
    }
  }

  @Override
  String waiting() {
    // innodb_trx is a copy that is not made anew while it is read ten times a second.
    return "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'";
  }

  @Override
  long logBytes() throws SQLException {
    return number("SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'INNODB_LSN_CURRENT'");
  }

  @Test
  void comesBackWithTheServer() throws Exception {
    isFoundAgainByWhoTalksToItDirectly();
  }

  @Test
  void goesThroughAUnixSocket() {
    worksThroughAUnixSocket(server.socket());
  }

  @Test
  void believesOnlyTheCertificatesThatItIsToldTo() {
    checksCertificates(server.certificate.certificate(), "localhost", "127.0.0.1");
  }

  /** MySQL commits each statement that changes the schema: a start that is killed leaves some of them behind. */
  @Test
  void goesOnWithAMigrationThatWasCutOff() throws SQLException {
    await(open(database));
    change("DELETE FROM flyway_schema_history WHERE version = '2'", "ALTER TABLE profile DROP COLUMN version");
    await(open(database));
    create();

    change("UPDATE flyway_schema_history SET success = 0 WHERE version = '2'");
    await(open(database));
    create();
    assertThat(number("SELECT count(*) FROM flyway_schema_history WHERE success AND version = '2'")).isEqualTo(1);
  }
}
