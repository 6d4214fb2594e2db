package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.DurablePersistenceContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;

class SqlitePersistenceTest extends DurablePersistenceContract {

  private static final Vertx VERTX = Vertx.vertx();

  @TempDir
  Path folder;

  @Override
  protected PersistenceAdapter open() {
    return SqlPersistence.sqlite(VERTX, folder.resolve("data/store.db"));
  }

  @AfterAll
  static void closeVertx() {
    VERTX.close().toCompletionStage().toCompletableFuture().join();
  }
}
