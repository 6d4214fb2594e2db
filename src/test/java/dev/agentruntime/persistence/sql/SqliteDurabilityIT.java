package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoreUnderTest;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A save that was reported complete outlives the process, however it ends. */
@Timeout(180)
class SqliteDurabilityIT implements StoreUnderTest {

  private static final int KILLS = 3;
  private static final int SAVES_BEFORE_A_KILL = 1_500;

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

  private void open() {
    store = SqlPersistence.sqlite(vertx, file());
    await(store.start());
  }

  @Test
  void whatWasSavedOutlivesKills() throws Exception {
    List<String> saved = new ArrayList<>();
    for (int i = 0; i < KILLS; i++) {
      try (SavingProcess process = SavingProcess.start(file(), 0)) {
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
    try (SavingProcess one = SavingProcess.startAmongOthers(file()); SavingProcess other = SavingProcess.startAmongOthers(file())) {
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
    try (SavingProcess process = SavingProcess.start(file(), 3_000)) {
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

  private void checkAllAreThere(List<String> saved, int sessions) {
    Map<String, Integer> rounds = new HashMap<>();
    Map<String, Map<String, Integer>> files = new HashMap<>();
    for (String line : saved) {
      String[] words = line.split(" ");
      int round = Integer.parseInt(words[2]);
      switch (words[0]) {
        case "transcript" -> rounds.merge(words[1], round, Math::max);
        case "file" -> files.computeIfAbsent(words[1], id -> new HashMap<>()).merge(SavingProcess.path(round), round, Math::max);
        default -> throw new AssertionError(line);
      }
    }
    assertThat(rounds).hasSize(sessions);
    assertThat(await(store.listAllSessions(1_000, null)).sessions()).extracting(SessionRecord::sessionId)
        .containsExactlyInAnyOrderElementsOf(rounds.keySet());
    rounds.forEach(this::checkTranscript);
    files.forEach((id, byPath) -> byPath.forEach((path, round) -> checkFile(id, path, round)));
  }

  /** All the rounds that were complete, in order; of those after it whole ones only. */
  private void checkTranscript(String id, int complete) {
    Buffer stored = await(store.readTranscript(id, "t", 0, Integer.MAX_VALUE));
    int round = 0;
    int at = 0;
    while (at < stored.length()) {
      Buffer line = SavingProcess.line(id, round++);
      assertThat(stored.length()).isGreaterThanOrEqualTo(at + line.length());
      assertThat(stored.getBuffer(at, at + line.length()).equals(line)).as("round " + round).isTrue();
      at += line.length();
    }
    assertThat(round).isGreaterThan(complete);
  }

  /** The file of the last complete round, or of the next one of that path. */
  private void checkFile(String id, String path, int complete) {
    Buffer stored = await(store.readWorkspaceFile(id, path, 0, Integer.MAX_VALUE));
    int next = complete + 5 * SavingProcess.FILE_EVERY;
    assertThat(stored.equals(SavingProcess.file(id, complete)) || stored.equals(SavingProcess.file(id, next))).as(path).isTrue();
  }
}
