package dev.agentruntime.persistence.copy;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import io.vertx.core.Future;
import java.util.concurrent.CompletionException;
import java.util.function.Function;

/** A store that is asked again when it is away for a moment, and waited for. Blocks; for threads of one's own. */
final class PatientStore {

  private static final int ATTEMPTS = 6;
  private static final long FIRST_PAUSE_MS = 200;

  private final PersistenceAdapter store;

  PatientStore(PersistenceAdapter store) {
    this.store = store;
  }

  /** @throws PersistenceException what the store refused, or that it is away */
  <T> T ask(Function<PersistenceAdapter, Future<T>> question) {
    for (int attempt = 1; ; attempt++) {
      try {
        return question.apply(store).toCompletionStage().toCompletableFuture().join();
      } catch (CompletionException e) {
        if (!(e.getCause() instanceof PersistenceException failure)) {
          throw e;
        }
        if (failure.kind() != PersistenceException.Kind.UNAVAILABLE || attempt == ATTEMPTS) {
          throw failure;
        }
        pause(FIRST_PAUSE_MS << attempt);
      }
    }
  }

  private static void pause(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
