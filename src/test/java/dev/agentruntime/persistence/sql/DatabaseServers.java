package dev.agentruntime.persistence.sql;

import dev.agentruntime.support.MeasuredStore;
import io.vertx.core.Vertx;

/** The database servers of these tests, for whoever wants to measure them. */
public final class DatabaseServers {

  private DatabaseServers() {}

  /** A new database of the PostgreSQL of this process. */
  public static MeasuredStore postgresql(Vertx vertx) throws Exception {
    PostgresServer server = PostgresServer.shared();
    return new MeasuredStore("PostgreSQL", SqlPersistence.postgresql(vertx, server.newDatabase()), server.process()::writtenBytes);
  }

  /** The same through PgBouncer in transaction mode, as Supabase has it. What the pooler writes is no file. */
  public static MeasuredStore supabase(Vertx vertx) throws Exception {
    PostgresServer server = PostgresServer.shared();
    return new MeasuredStore("Supabase (PostgreSQL behind PgBouncer)",
        SqlPersistence.postgresql(vertx, new PgBouncer(server).before(server.newDatabase())), server.process()::writtenBytes);
  }

  /** A new database of the MariaDB of this process. */
  public static MeasuredStore mariaDb(Vertx vertx) throws Exception {
    MariaDbServer server = MariaDbServer.shared();
    return new MeasuredStore("MariaDB", SqlPersistence.mysql(vertx, server.newDatabase()), server.process()::writtenBytes);
  }
}
