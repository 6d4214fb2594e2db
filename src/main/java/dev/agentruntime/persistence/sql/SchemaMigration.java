package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;

/**
 * Brings a schema to {@link #VERSION} with Flyway, from the scripts in {@code db/migration/<dialect>}.
 *
 * <p>Flyway costs a few hundred milliseconds even when there is nothing to do, so one query asks first. The caller sees to it that only one
 * process does this at a time.
 */
final class SchemaMigration {

  /** The version of the newest script. */
  static final int VERSION = 2;

  private static final String HISTORY = "SELECT version FROM flyway_schema_history WHERE success AND version IS NOT NULL";

  private final DataSource dataSource;
  private final String scripts;

  /** @param scripts the folder below {@code db/migration} */
  SchemaMigration(DataSource dataSource, String scripts) {
    this.dataSource = dataSource;
    this.scripts = scripts;
  }

  /** @throws PersistenceException if the schema is newer than this program */
  void run(boolean hasHistory) throws SQLException {
    int version = hasHistory ? version() : 0;
    if (version > VERSION) {
      throw new PersistenceException(Kind.UNAVAILABLE, "the store was written by a newer version of Agent Runtime (its schema is version "
          + version + ", this program knows up to " + VERSION + "): start that version or newer, or use another store");
    }
    if (version < VERSION) {
      Flyway.configure(SchemaMigration.class.getClassLoader())
          .dataSource(dataSource)
          .locations("classpath:db/migration/" + scripts)
          .load()
          .migrate();
    }
  }

  private int version() throws SQLException {
    int newest = 0;
    try (Connection connection = dataSource.getConnection();
         Statement statement = connection.createStatement();
         ResultSet rows = statement.executeQuery(HISTORY)) {
      while (rows.next()) {
        newest = Math.max(newest, rows.getInt(1));
      }
    }
    return newest;
  }
}
