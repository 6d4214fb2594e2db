package dev.agentruntime.persistence.sql;

import dev.agentruntime.support.MeasuredStore;
import io.vertx.core.Vertx;

/** The database servers of these tests, for whoever wants to measure them. */
public final class DatabaseServers {

  private DatabaseServers() {}

  /** A new database of the PostgreSQL of this process. */
  public static MeasuredStore postgresql(Vertx vertx) throws Exception {
    PostgresServer server = PostgresServer.shared();
    return new MeasuredStore("PostgreSQL", SqlPersistence.postgresql(vertx, server.newDatabase()), server.process::writtenBytes);
  }

  /** A new database of the MariaDB of this process. */
  public static MeasuredStore mariaDb(Vertx vertx) throws Exception {
    MariaDbServer server = MariaDbServer.shared();
    return new MeasuredStore("MariaDB", SqlPersistence.mysql(vertx, server.newDatabase()), server.process::writtenBytes);
  }
}
