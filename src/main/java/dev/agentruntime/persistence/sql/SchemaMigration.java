package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.configuration.FluentConfiguration;

/**
 * Brings a schema to {@link #VERSION} with Flyway, from the scripts in {@code db/migration/<dialect>}.
 *
 * <p>Flyway costs a few hundred milliseconds even when there is nothing to do, so a query asks first. Database servers are locked by Flyway
 * while it works; for a file the caller sees to it that only one process does this at a time.
 *
 * <p>Who waits for that lock holds a connection, and who has it needs a second one. Behind a pooler that has no more than there are
 * servers that start, nobody would come on; so a wait is short, and is begun anew with a new connection.
 */
final class SchemaMigration {

  /** The version of the newest script. */
  static final int VERSION = 2;

  /** Flyway's attempts in one wait, a second apart. */
  private static final int LOCK_ATTEMPTS = 3;
  private static final int LONGEST_WAITS = 40;

  private static final String HISTORY_TABLE = "flyway_schema_history";

  private final DataSource dataSource;
  private final String scripts;
  private final String schema;
  private final long timeoutMs;

  /**
   * @param scripts the folder below {@code db/migration}
   * @param schema to be made if it is not there, or {@code null} for the connection's own
   * @param timeoutMs how long the database may take to say what is there, or 0 for any time; a migration takes what it takes
   */
  SchemaMigration(DataSource dataSource, String scripts, String schema, long timeoutMs) {
    this.dataSource = dataSource;
    this.scripts = scripts;
    this.schema = schema;
    this.timeoutMs = timeoutMs;
  }

  /** What is there already. @param failed whether a migration was cut off, in a database that cannot undo one */
  private record History(int version, boolean failed) {}

  /** @throws PersistenceException if the schema is newer than this program, another program's, or locked for too long */
  void run() throws SQLException {
    for (int waits = 0; !ran(); waits++) {
      if (waits == LONGEST_WAITS) {
        throw new PersistenceException(Kind.UNAVAILABLE, "another server has been changing the store's schema for too long");
      }
    }
  }

  /** @return whether the schema is there; if not, others had it locked */
  private boolean ran() throws SQLException {
    History history = history();
    if (history.version > VERSION) {
      throw new PersistenceException(Kind.UNAVAILABLE, "the store was written by a newer version of Agent Runtime (its schema is version "
          + history.version + ", this program knows up to " + VERSION + "): start that version or newer, or use another store");
    }
    if (history.version < VERSION) {
      Flyway flyway = flyway().load();
      try {
        if (history.failed) {
          flyway.repair();
        }
        flyway.migrate();
      } catch (FlywayException e) {
        if (e.getMessage().contains("Number of retries exceeded while attempting to acquire")) {
          return false;
        }
        throw e;
      }
    }
    return true;
  }

  private FluentConfiguration flyway() {
    FluentConfiguration flyway = Flyway.configure(SchemaMigration.class.getClassLoader())
        .dataSource(dataSource)
        .lockRetryCount(LOCK_ATTEMPTS)
        .locations("classpath:db/migration/" + scripts);
    return schema == null ? flyway : flyway.schemas(schema);
  }

  private History history() throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      if (timeoutMs > 0) {
        connection.setNetworkTimeout(Runnable::run, Math.toIntExact(timeoutMs));
      }
      List<String> tables = tables(connection);
      if (!tables.contains(HISTORY_TABLE)) {
        if (!tables.isEmpty()) {
          throw new PersistenceException(Kind.UNAVAILABLE,
              "the store is the database of another program: Agent Runtime needs one of its own");
        }
        return new History(0, false);
      }
      return history(connection);
    }
  }

  private List<String> tables(Connection connection) throws SQLException {
    List<String> tables = new ArrayList<>();
    try (ResultSet rows = connection.getMetaData().getTables(connection.getCatalog(), schema, "%", new String[] {"TABLE"})) {
      while (rows.next()) {
        tables.add(rows.getString("TABLE_NAME"));
      }
    }
    return tables;
  }

  private History history(Connection connection) throws SQLException {
    String table = schema == null ? HISTORY_TABLE : schema + "." + HISTORY_TABLE;
    int newest = 0;
    boolean failed = false;
    try (Statement statement = connection.createStatement();
         ResultSet rows = statement.executeQuery("SELECT version, success FROM " + table + " WHERE version IS NOT NULL")) {
      while (rows.next()) {
        if (rows.getBoolean(2)) {
          newest = Math.max(newest, rows.getInt(1));
        } else {
          failed = true;
        }
      }
    }
    return new History(newest, failed);
  }
}
