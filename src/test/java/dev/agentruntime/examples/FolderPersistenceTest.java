package dev.agentruntime.examples;

import dev.agentruntime.persistence.DurablePersistenceContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;

/** How a store of one's own is proved: this, and no more. */
class FolderPersistenceTest extends DurablePersistenceContract {

  private static final Vertx VERTX = Vertx.vertx();

  @TempDir
  Path root;

  @Override
  protected PersistenceAdapter open() {
    return new FolderPersistence(VERTX, root);
  }

  @AfterAll
  static void closeVertx() {
    VERTX.close().toCompletionStage().toCompletableFuture().join();
  }
}
