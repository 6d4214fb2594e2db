package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.DurablePersistenceContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import io.vertx.core.Vertx;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Through a pooler that gives each transaction another connection. */
class SupabasePersistenceIT extends DurablePersistenceContract {

  private static final Vertx VERTX = Vertx.vertx();
  private static DatabaseServer database;

  @BeforeAll
  static void start() throws Exception {
    PostgresServer postgres = PostgresServer.shared();
    database = new PgBouncer(postgres).before(postgres.newDatabase());
  }

  @Override
  protected PersistenceAdapter open() {
    return SqlPersistence.postgresql(VERTX, database);
  }

  @AfterAll
  static void closeVertx() {
    VERTX.close().toCompletionStage().toCompletableFuture().join();
  }
}
