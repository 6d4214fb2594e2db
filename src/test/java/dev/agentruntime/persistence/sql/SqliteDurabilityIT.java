package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.SavedByProcesses;
import dev.agentruntime.persistence.SavingProcess;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A save that was reported complete outlives the process, however it ends. */
@Timeout(180)
@Execution(ExecutionMode.CONCURRENT)
class SqliteDurabilityIT implements SavedByProcesses {

  private static final int KILLS = 3;
  private static final int SAVES_BEFORE_A_KILL = 1_500;

  /** SQLite's lock is not fair. */
  private static final int PAUSE_MS = 2;

  private final Vertx vertx = Vertx.vertx();
  private PersistenceAdapter store;

  @TempDir
  Path folder;

  @Override
  public PersistenceAdapter store() {
    return store;
  }

  @AfterEach
  void close() {
    if (store != null) {
      await(store.close());
    }
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  private Path file() {
    return folder.resolve("store.db");
  }

  private Map<String, String> settings() {
    return Map.of("AGENT_RUNTIME_STORE_URL", "sqlite:" + file());
  }

  private void open() {
    store = SqlPersistence.sqlite(vertx, file());
    await(store.start());
  }

  @Test
  void whatWasSavedOutlivesKills() throws Exception {
    List<String> saved = new ArrayList<>();
    for (int i = 0; i < KILLS; i++) {
      try (SavingProcess process = SavingProcess.start(settings(), 0)) {
        for (int line = 0; line < SAVES_BEFORE_A_KILL; line++) {
          saved.add(process.nextLine());
        }
        saved.addAll(process.kill());
      }
    }
    open();
    checkAllAreThere(saved, KILLS * SavingProcess.SESSIONS);
  }

  @Test
  void processesThatStartAndWriteAtOnceShareTheFile() throws Exception {
    List<String> saved = new ArrayList<>();
    try (SavingProcess one = SavingProcess.start(settings(), PAUSE_MS); SavingProcess other = SavingProcess.start(settings(), PAUSE_MS)) {
      for (int line = 0; line < SAVES_BEFORE_A_KILL; line++) {
        saved.add(one.nextLine());
        saved.add(other.nextLine());
      }
      saved.addAll(one.kill());
      saved.addAll(other.kill());
    }
    open();
    checkAllAreThere(saved, 2 * SavingProcess.SESSIONS);
  }

  @Test
  void aDiskThatIsFullIsSaidAndLosesNothingOfWhatWasSaved() throws Exception {
    List<String> saved = new ArrayList<>();
    try (SavingProcess process = SavingProcess.start(settings(), 0, 3_000)) {
      for (String line = process.nextLine(); line != null; line = process.nextLine()) {
        saved.add(line);
      }
    }
    assertThat(saved).filteredOn(line -> line.startsWith("failed")).first().asString()
        .startsWith("failed PersistenceException the store's").doesNotContain(folder.toString());
    saved.removeIf(line -> line.startsWith("failed"));
    assertThat(saved).hasSizeGreaterThan(100);
    open();
    checkAllAreThere(saved, SavingProcess.SESSIONS);
  }
}
