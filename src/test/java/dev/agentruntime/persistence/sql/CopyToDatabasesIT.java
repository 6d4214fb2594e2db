package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.StoreUnderTest;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.copy.StoreCopy;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Starting on SQLite is no dead end: everything is copied to a real database server, on to another, and back, and is the same. */
class CopyToDatabasesIT implements StoreUnderTest {

  private final Vertx vertx = Vertx.vertx();
  private final List<PersistenceAdapter> opened = new ArrayList<>();

  @TempDir
  Path folder;

  @Override
  public PersistenceAdapter store() {
    return opened.getFirst();
  }

  private PersistenceAdapter open(PersistenceAdapter store) {
    await(store.start());
    opened.add(store);
    return store;
  }

  @AfterEach
  void closeAll() {
    opened.forEach(store -> await(store.close()));
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  @Test
  void fromSqliteToPostgresToMariaDbAndBack() throws Exception {
    PersistenceAdapter first = open(SqlPersistence.sqlite(vertx, folder.resolve("first.db")));
    List<StoredSession> sessions = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      String id = UUID.randomUUID().toString();
      await(first.createSessionRecord(full(id), EPOCH));
      append(id, "journal.jsonl", 0, "said in " + id);
      await(first.saveTranscript(id, EPOCH, LONG_NAME, 0, randomBytes(i == 0 ? 50 << 20 : 10_000 * i, i)));
      await(first.saveWorkspaceFile(id, EPOCH, "\u00fc/\ud83d\ude80", -7, randomBytes(i == 1 ? 8 << 20 : 1_000, i)));
      sessions.add(await(first.inspectSession(id)).orElseThrow());
    }
    StoredProfile profile = new StoredProfile("p", "v1", json("{\"name\":\"\\u0000\ud83d\ude80\"}"));
    await(first.saveAgentProfile(profile, null));

    PersistenceAdapter postgres = open(SqlPersistence.postgresql(vertx, PostgresServer.shared().newDatabase()));
    PersistenceAdapter maria = open(SqlPersistence.mysql(vertx, MariaDbServer.shared().newDatabase()));
    PersistenceAdapter last = open(SqlPersistence.sqlite(vertx, folder.resolve("last.db")));
    StoreCopy.Totals totals = new StoreCopy(first, postgres, line -> { }).run();
    assertThat(new StoreCopy(postgres, maria, line -> { }).run()).isEqualTo(totals);
    assertThat(new StoreCopy(maria, last, line -> { }).run()).isEqualTo(totals);

    assertThat(totals.sessions()).isEqualTo(30);
    for (StoredSession session : sessions) {
      String id = session.record().sessionId();
      assertThat(await(last.inspectSession(id)).orElseThrow().record()).isEqualTo(session.record());
      assertBytes(await(last.readTranscript(id, LONG_NAME, 0, Integer.MAX_VALUE)), await(first.readTranscript(id, LONG_NAME, 0, Integer.MAX_VALUE)));
    }
    assertThat(await(last.listAgentProfiles())).containsExactly(profile);
  }
}
