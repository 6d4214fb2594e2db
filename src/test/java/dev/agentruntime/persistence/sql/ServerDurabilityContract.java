package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.AgentRuntime;
import dev.agentruntime.config.SettingsLoader;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.SavedByProcesses;
import dev.agentruntime.persistence.SavingProcess;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A save that was reported complete outlives our process and the database server, however they end. The store is named by its URL. */
@Timeout(300)
abstract class ServerDurabilityContract implements SavedByProcesses {

  private static final int KILLS = 2;
  private static final int SAVES_BEFORE_A_KILL = 400;

  private final Vertx vertx = Vertx.vertx();
  private Map<String, String> settings;
  private PersistenceAdapter store;

  abstract RealServer server();

  /** A new database of it, as a setting has it. */
  String newDatabaseUrl() throws Exception {
    return server().newDatabaseUrl();
  }

  @Override
  public PersistenceAdapter store() {
    return store;
  }

  @BeforeEach
  void createDatabase() throws Exception {
    settings = Map.of("AGENT_RUNTIME_STORE_URL", newDatabaseUrl());
  }

  @AfterEach
  void close() {
    if (store != null) {
      await(store.close());
    }
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  private void open() {
    store = AgentRuntime.persistence(vertx, SettingsLoader.load(settings));
    await(store.start());
  }

  @Test
  void whatWasSavedOutlivesKills() throws Exception {
    List<String> saved = new ArrayList<>();
    Map<String, String> patient = new HashMap<>(settings);
    patient.put("AGENT_RUNTIME_STORE_TIMEOUT_MS", "120000");
    for (int i = 0; i < KILLS; i++) {
      try (SavingProcess one = SavingProcess.start(patient, 0); SavingProcess other = SavingProcess.start(patient, 0)) {
        for (int line = 0; line < SAVES_BEFORE_A_KILL; line++) {
          saved.add(one.nextLine());
          saved.add(other.nextLine());
        }
        saved.addAll(one.kill());
        saved.addAll(other.kill());
      }
    }
    open();
    checkAllAreThere(saved, KILLS * 2 * SavingProcess.SESSIONS);
  }

  @Test
  void whatWasSavedOutlivesAKillOfTheServer() throws Exception {
    outlivesAKillOf(server().process());
  }

  final void outlivesAKillOf(DatabaseProcess server) throws Exception {
    List<String> saved = new ArrayList<>();
    Map<String, String> impatient = new HashMap<>(settings);
    impatient.put("AGENT_RUNTIME_STORE_TIMEOUT_MS", "5000");
    try (SavingProcess process = SavingProcess.start(impatient, 0)) {
      for (int line = 0; line < SAVES_BEFORE_A_KILL; line++) {
        saved.add(process.nextLine());
      }
      server.kill();
      for (String line = process.nextLine(); line != null; line = process.nextLine()) {
        saved.add(line);
      }
    } finally {
      server.kill();
      server.start();
    }
    // A pooler whose server is gone says so, or holds what it is asked until the store's time is up.
    assertThat(saved).filteredOn(line -> line.startsWith("failed")).first().asString()
        .matches("failed PersistenceException the (database .*|store did not answer in time)").doesNotContain("127.0.0.1");
    saved.removeIf(line -> line.startsWith("failed"));
    // A pooler that could not log in to its server does not try again at once: it is waited for.
    open();
    checkAllAreThere(saved, SavingProcess.SESSIONS);
  }
}
