package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoreUnderTest;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.sql.SqlPersistence;
import dev.agentruntime.support.JavaProgram;
import io.vertx.core.Vertx;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command as a process of its own, also one that is killed. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class CopyStoreIT implements StoreUnderTest {

  private static final int MANY = 700;
  private static final int LARGE_BYTES = 50 << 20;

  private final Vertx vertx = Vertx.vertx();
  private final List<PersistenceAdapter> opened = new ArrayList<>();

  @TempDir
  Path folder;

  @Override
  public PersistenceAdapter store() {
    return opened.getFirst();
  }

  private PersistenceAdapter open(String name) {
    PersistenceAdapter store = SqlPersistence.sqlite(vertx, folder.resolve(name));
    await(store.start());
    opened.add(store);
    return store;
  }

  @BeforeEach
  void openSource() {
    open("source.db");
  }

  @AfterEach
  void closeAll() {
    opened.forEach(store -> await(store.close()));
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  private Process copy(Map<String, String> environment, String... arguments) throws IOException {
    List<String> command = JavaProgram.shortLived("-Xmx96m", "dev.agentruntime.Main", "copy-store");
    command.addAll(List.of(arguments));
    ProcessBuilder process = new ProcessBuilder(command).redirectErrorStream(true);
    process.environment().clear();
    process.environment().putAll(environment);
    process.environment().put("LC_ALL", "C.UTF-8");
    process.environment().put("AGENT_RUNTIME_DATA_DIR", folder.toString());
    return process.start();
  }

  private static String output(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  private List<String> createMany() {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      String id = create();
      ids.add(id);
      append(id, "journal.jsonl", 0, "said in " + id);
      await(store().saveWorkspaceFile(id, EPOCH, "f", i, bytes("file of " + id)));
    }
    return ids;
  }

  private void assertSame(PersistenceAdapter target, String id) {
    StoredSession source = await(store().inspectSession(id)).orElseThrow();
    assertThat(await(target.inspectSession(id))).contains(source);
    for (StoredSession.Transcript transcript : source.transcripts()) {
      assertBytes(await(target.readTranscript(id, transcript.name(), 0, Integer.MAX_VALUE)),
          await(store().readTranscript(id, transcript.name(), 0, Integer.MAX_VALUE)));
    }
    for (StoredSession.StoredFile file : source.files()) {
      assertBytes(await(target.readWorkspaceFile(id, file.path(), 0, Integer.MAX_VALUE)),
          await(store().readWorkspaceFile(id, file.path(), 0, Integer.MAX_VALUE)));
    }
  }

  @Test
  void aKilledCopyIsGoneOnWithAndMemoryIsBounded() throws Exception {
    List<String> ids = new ArrayList<>(createMany());
    for (int i = 0; i < 3; i++) {
      String id = create();
      ids.add(id);
      await(store().saveTranscript(id, EPOCH, "agent/large", 0, randomBytes(LARGE_BYTES, i)));
    }
    Process killed = copy(Map.of(), "sqlite:source.db", "sqlite:target.db");
    try (BufferedReader lines = killed.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); !line.startsWith("100 sessions, "); ) {
        line = lines.readLine();
        assertThat(line).as("it goes on").isNotNull();
      }
      killed.destroyForcibly().waitFor();
    }
    PersistenceAdapter target = open("target.db");
    assertThat(await(target.listAllSessions(10_000, null)).sessions()).hasSizeBetween(100, ids.size() - 1);

    Process again = copy(Map.of("TO_AGENT_RUNTIME_STORE_URL", "sqlite:target.db", "FROM_AGENT_RUNTIME_STORE_URL", "sqlite:source.db"));
    String said = output(again);
    assertThat(again.waitFor()).as(said).isEqualTo(CopyStore.COPIED);
    assertThat(said).contains("Copied and compared: " + ids.size() + " sessions with " + ids.size() + " transcripts and " + MANY + " files");
    ids.forEach(id -> assertSame(target, id));
    assertThat(await(target.listAllSessions(10_000, null)).sessions()).extracting(SessionRecord::sessionId).containsExactlyInAnyOrderElementsOf(ids);
  }

  @Test
  void theExitCodeSaysWhatIsWrong() throws Exception {
    String id = create();
    Process done = copy(Map.of(), "sqlite:source.db", "sqlite:target.db");
    assertThat(output(done)).contains("1 sessions");
    assertThat(done.waitFor()).isEqualTo(CopyStore.COPIED);

    PersistenceAdapter target = open("target.db");
    await(target.loadSession(id, "server"));
    await(target.saveTranscript(id, "server", "t", 0, bytes("x")));
    Process taken = copy(Map.of(), "sqlite:source.db", "sqlite:target.db");
    assertThat(output(taken)).contains("a server has used it");
    assertThat(taken.waitFor()).isEqualTo(CopyStore.TARGET_IN_USE);

    Process away = copy(Map.of("TO_AGENT_RUNTIME_STORE_PASSWORD", "hush", "TO_AGENT_RUNTIME_STORE_TIMEOUT_MS", "1000"), "sqlite:source.db",
        "postgresql://u@127.0.0.1:1/none");
    assertThat(output(away)).contains("Run the same command again").doesNotContain("hush");
    assertThat(away.waitFor()).isEqualTo(CopyStore.STORE_FAILED);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      sqlite:source.db |                                   | takes two stores
      sqlite:none.db   | sqlite:target.db                  | does not exist: there is no file
      sqlite:source.db | sqlite:source.db                  | the same store
      sqlite:source.db | sqlite:./source.db                | the same store
      mysql://u@h/db   | mysql://another@h:3306/db         | the same store
      sqlite:source.db | memory:                           | in one process only
      sqlite:source.db | postgresql://u:hush@localhost/db  | TO_AGENT_RUNTIME_STORE_PASSWORD
      sqlite:source.db | nonsense:hush                     | must be memory:
      """)
  void wrongUseIsSaid(String from, String to, String expected) throws Exception {
    Process wrong = to == null ? copy(Map.of(), from) : copy(Map.of(), from, to);
    String said = output(wrong);
    assertThat(wrong.waitFor()).as(said).isEqualTo(CopyStore.WRONG_USE);
    assertThat(said).contains(expected).doesNotContain("hush").doesNotContain("\tat ");
  }

  @Test
  void aVariableForOneStoreAloneGoesOverTheServersOwn() throws Exception {
    create();
    Map<String, String> environment = new HashMap<>(Map.of("FROM_AGENT_RUNTIME_STORE_URL", "sqlite:source.db",
        "TO_AGENT_RUNTIME_STORE_URL", "sqlite:source.db", "TO_AGENT_RUNTIME_DATA_DIR", folder.resolve("other").toString()));
    Process process = copy(environment);
    String said = output(process);
    assertThat(process.waitFor()).as(said).isEqualTo(CopyStore.COPIED);
    assertThat(folder.resolve("other/source.db")).exists();
  }
}
