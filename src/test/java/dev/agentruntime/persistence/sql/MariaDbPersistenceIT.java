package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.DurablePersistenceContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import io.vertx.core.Vertx;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class MariaDbPersistenceIT extends DurablePersistenceContract {

  private static final Vertx VERTX = Vertx.vertx();
  private static DatabaseServer database;

  @BeforeAll
  static void start() throws Exception {
    database = MariaDbServer.shared().newDatabase();
  }

  @Override
  protected PersistenceAdapter open() {
    return SqlPersistence.mysql(VERTX, database);
  }

  @AfterAll
  static void closeVertx() {
    VERTX.close().toCompletionStage().toCompletableFuture().join();
  }
}
