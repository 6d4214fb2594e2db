package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.EarlierVersionContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/** The file itself: its schema, its upkeep, and what is said when it cannot be used. */
class SqliteFileTest implements EarlierVersionContract {

  private static final Vertx VERTX = Vertx.vertx();

  private final List<PersistenceAdapter> opened = new ArrayList<>();

  @TempDir
  Path folder;

  @AfterEach
  void closeAll() {
    opened.forEach(adapter -> await(adapter.close()));
  }

  @AfterAll
  static void closeVertx() {
    VERTX.close().toCompletionStage().toCompletableFuture().join();
  }

  @Override
  public PersistenceAdapter store() {
    return opened.getLast();
  }

  private Path file() {
    return folder.resolve("store.db");
  }

  private Future<Void> open(Path file) {
    PersistenceAdapter adapter = SqlPersistence.sqlite(VERTX, file);
    opened.add(adapter);
    return adapter.start();
  }

  private long number(String sql) throws SQLException {
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file());
         Statement statement = connection.createStatement();
         ResultSet rows = statement.executeQuery(sql)) {
      return rows.getLong(1);
    }
  }

  private void change(String sql) throws SQLException {
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file());
         Statement statement = connection.createStatement()) {
      statement.executeUpdate(sql);
    }
  }

  private void refusesToStart(Path file, String because) {
    PersistenceException refused = refused(Kind.UNAVAILABLE, open(file));
    assertThat(refused).hasMessageContaining(because);
    assertThat(refused.getMessage()).doesNotContain(folder.toString()).doesNotContain("store.db");
  }

  @Test
  void theVersionIsThatOfTheNewestScript() throws IOException {
    try (Stream<Path> scripts = Files.list(Path.of("src/main/resources/db/migration/sqlite"))) {
      assertThat(scripts.map(path -> path.getFileName().toString())
          .mapToInt(name -> Integer.parseInt(name.substring(1, name.indexOf("__")))).max())
          .hasValue(SchemaMigration.VERSION);
    }
  }

  @Test
  void manyStartsAtOnceMakeOneSchema() throws SQLException {
    List<Future<Void>> starts = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      starts.add(open(file()));
    }
    await(Future.all(starts));

    assertThat(number("SELECT count(*) FROM flyway_schema_history WHERE success")).isEqualTo(SchemaMigration.VERSION);
    create();
    for (PersistenceAdapter each : opened) {
      assertThat(await(each.listAllSessions(10, null)).sessions()).hasSize(1);
    }
  }

  @Test
  void refusesAFileOfANewerVersionAndLeavesItAlone() throws Exception {
    await(open(file()));
    create();
    await(store().close());
    change("INSERT INTO flyway_schema_history "
        + "SELECT 99, '99', 'later', type, script, checksum, installed_by, installed_on, execution_time, success "
        + "FROM flyway_schema_history WHERE installed_rank = 1");

    refusesToStart(file(), "newer version of Agent Runtime (its schema is version 99, this program knows up to " + SchemaMigration.VERSION);
    change("DELETE FROM flyway_schema_history WHERE version = '99'");
    await(open(file()));
    assertThat(await(store().listAllSessions(10, null)).sessions()).hasSize(1);
  }

  @Test
  void refusesAnotherProgramsDatabase() throws Exception {
    change("CREATE TABLE bookmark (url TEXT)");
    refusesToStart(file(), "another program");
    assertThat(number("SELECT count(*) FROM sqlite_master")).isEqualTo(1);
  }

  @Test
  void refusesAFileThatIsNoDatabase() throws Exception {
    byte[] letter = "Dear reader, this is no database. ".repeat(500).getBytes();
    Files.write(file(), letter);
    refusesToStart(file(), "not an SQLite database");
    assertThat(Files.readAllBytes(file())).isEqualTo(letter);
  }

  @Test
  void refusesPlacesWhereNoFileCanBe() throws Exception {
    Files.createDirectory(folder.resolve("a folder"));
    refusesToStart(folder.resolve("a folder"), "cannot be");
    Files.writeString(folder.resolve("a file"), "x");
    refusesToStart(folder.resolve("a file/store.db"), "cannot be");
  }

  @Test
  void canBeStartedAgainAfterAFailedStart() throws Exception {
    Files.writeString(file(), "x".repeat(5_000));
    refusesToStart(file(), "not an SQLite database");
    Files.delete(file());
    await(store().start());
    create();
  }

  @Test
  void damageIsAFailureAndNotEmptiness() throws Exception {
    await(open(file()));
    String id = create();
    await(store().saveTranscript(id, EPOCH, "t", 0, bytes("said")));
    await(store().close());
    long pageSize = number("PRAGMA page_size");
    long tables = number("SELECT rootpage FROM sqlite_master WHERE name = 'session'");
    long index = number("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_session_1'");
    byte[] rubbish = new byte[(int) pageSize];
    Arrays.fill(rubbish, (byte) 0xee);
    try (RandomAccessFile bytes = new RandomAccessFile(file().toFile(), "rw")) {
      for (long page : new long[] {tables, index}) {
        bytes.seek((page - 1) * pageSize);
        bytes.write(rubbish);
      }
    }

    await(open(file()));
    for (Future<?> read : List.of(store().listAllSessions(10, null), store().findSession(id), store().loadSession(id, "epoch-2"),
        store().readTranscript(id, "t", 0, 4), store().saveTranscript(id, EPOCH, "t", 4, bytes("x")), store().ping())) {
      assertThat(refused(Kind.UNAVAILABLE, read)).hasMessage("the store's file is damaged");
    }
  }

  @Test
  void aChunkThatIsMissingIsAFailure() throws Exception {
    await(open(file()));
    String id = create();
    Buffer all = randomBytes(3 * SqlContents.WINDOW_BYTES, 1);
    await(store().replaceTranscript(id, EPOCH, "t", all));
    change("DELETE FROM chunk WHERE start_at = " + SqlContents.WINDOW_BYTES);

    refused(Kind.UNAVAILABLE, store().readTranscript(id, "t", 0, all.length()));
    refused(Kind.UNAVAILABLE, store().readTranscript(id, "t", SqlContents.WINDOW_BYTES + 5, 10));
    assertThat(await(store().readTranscript(id, "t", 5, 10))).isEqualTo(all.getBuffer(5, 15));
  }

  @Test
  void saysWhatIsWrongWithoutSayingWhere() {
    SqliteDialect dialect = new SqliteDialect(file());
    assertThat(dialect.sentence(new SQLiteException("/secret/place: full", SQLiteErrorCode.SQLITE_FULL)))
        .isEqualTo("the store's disk is full");
    assertThat(dialect.sentence(new IllegalStateException(new SQLiteException("/secret", SQLiteErrorCode.SQLITE_READONLY_DBMOVED))))
        .isEqualTo("the store's file cannot be written to");
    assertThat(dialect.sentence(new SQLiteException("/secret", SQLiteErrorCode.SQLITE_IOERR_WRITE)))
        .isEqualTo("the store's file cannot be read or written");
    assertThat(dialect.sentence(new IOException("/secret"))).isEqualTo("the store failed");
  }

  @Test
  void isReadableByItsOwnerOnly() throws Exception {
    await(open(file()));
    create();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path path : files.toList()) {
        PosixFileAttributeView view = Files.getFileAttributeView(path, PosixFileAttributeView.class);
        if (view != null) {
          assertThat(PosixFilePermissions.toString(view.readAttributes().permissions())).as(path.toString()).isEqualTo("rw-------");
        }
      }
    }
  }

  /** Odd for URLs, patterns and shells. */
  @Test
  void takesAnyNameForItsFile() {
    Path odd = folder.resolve("50% of what? a & b #1 \u00fc/st'o\"re?.db");
    await(open(odd));
    create();
    assertThat(odd).exists();
  }

  @Test
  void writesAboutWhatWasAppended() throws Exception {
    await(open(file()));
    String id = create();
    await(store().replaceTranscript(id, EPOCH, "t", randomBytes(4_000_000, 1)));
    await(store().close());
    await(open(file()));
    long length = 4_000_000;
    int appends = 50;
    for (int i = 0; i < appends; i++) {
      await(store().saveTranscript(id, EPOCH, "t", length, randomBytes(1024, i)));
      length += 1024;
    }
    // Whole pages: of the chunk, of the table, of its index, and the file's first.
    assertThat(Files.size(folder.resolve("store.db-wal")) / appends).isLessThan(5 * 1024);
  }

  /** To take them out from among those of other sessions would cost more than they did. */
  @Test
  void largerAppendsAreLeftAsTheyAre() throws SQLException {
    await(open(file()));
    String id = create();
    Buffer all = randomBytes(2 * SqlContents.WINDOW_BYTES, 1);
    int appends = 0;
    for (int at = 0; at < all.length(); at += SqlContents.SMALL_CHUNK_BYTES) {
      await(store().saveTranscript(id, EPOCH, "t", at, all.getBuffer(at, at + SqlContents.SMALL_CHUNK_BYTES)));
      appends++;
    }
    await(store().close());
    assertThat(number("SELECT count(*) FROM chunk")).isEqualTo(appends);
  }

  @Test
  void smallAppendsAreMerged() throws Exception {
    await(open(file()));
    String id = create();
    Buffer all = randomBytes(4 * SqlContents.WINDOW_BYTES + 5_000, 1);
    for (int at = 0; at < all.length(); at += 500) {
      await(store().saveTranscript(id, EPOCH, "t", at, all.getBuffer(at, Math.min(all.length(), at + 500))));
    }
    await(store().close());
    assertThat(number("SELECT count(*) FROM chunk")).isLessThan(20);

    await(open(file()));
    assertBytes(await(store().readTranscript(id, "t", 0, Integer.MAX_VALUE)), all);
  }

  @Test
  void whatWasLeftHalfDoneIsSweptByTheNextOwner() throws Exception {
    await(open(file()));
    String id = create();
    await(store().saveWorkspaceFile(id, EPOCH, "f", 1, bytes("whole")));
    change("INSERT INTO content (session_key, kind, name, modified_at) SELECT session_key, 'staged', 'f', 2 FROM session");
    change("INSERT INTO chunk SELECT max(content_key), 0, 4, x'01020304' FROM content");

    assertThat(load(id).files()).singleElement().satisfies(file -> assertThat(file.size()).isEqualTo(5));
    assertThat(number("SELECT count(*) FROM content")).isEqualTo(1);
    assertThat(number("SELECT count(*) FROM chunk")).isEqualTo(1);
  }

  @Test
  void aWriteThatFailsHalfWayLeavesTheOld() throws Exception {
    await(open(file()));
    String id = create();
    append(id, "t", 0, "old");
    await(store().saveWorkspaceFile(id, EPOCH, "f", 1, bytes("old")));
    change("CREATE TRIGGER broken BEFORE INSERT ON chunk WHEN NEW.start_at > 700000 BEGIN SELECT RAISE(FAIL, 'broken'); END");

    refused(Kind.UNAVAILABLE, store().replaceTranscript(id, EPOCH, "t", randomBytes(1_000_000, 1)));
    refused(Kind.UNAVAILABLE, store().saveTranscript(id, EPOCH, "t", 3, randomBytes(1_000_000, 1)));
    refused(Kind.UNAVAILABLE, store().saveWorkspaceFile(id, EPOCH, "f", 2, randomBytes(6_000_000, 1)));
    assertThat(transcript(id, "t") + file(id, "f")).isEqualTo("oldold");
    assertThat(number("SELECT count(*) FROM chunk")).as("nothing is left of the new").isEqualTo(2);
    assertThat(number("SELECT count(*) FROM content")).as("nothing is left of the new").isEqualTo(2);

    change("DROP TRIGGER broken");
    append(id, "t", 3, "er");
    await(store().saveWorkspaceFile(id, EPOCH, "f", 2, bytes("new")));
    assertThat(transcript(id, "t") + file(id, "f")).isEqualTo("oldernew");
  }

  @Test
  void nothingIsLeftOfAnErasedSession() throws Exception {
    await(open(file()));
    String id = create();
    append(id, "t", 0, "said");
    await(store().saveWorkspaceFile(id, EPOCH, "f", 1, randomBytes(6_000_000, 1)));
    await(store().deleteSession(id, EPOCH));
    assertThat(number("SELECT (SELECT count(*) FROM session) + (SELECT count(*) FROM content) + (SELECT count(*) FROM chunk)")).isZero();
  }

  @Test
  void statementsGoByIndexes() throws Exception {
    await(open(file()));
    assertThat(plan(SqlPersistence.PAGE + SqlPersistence.NEWEST_FIRST)).contains("session_newest").doesNotContain("TEMP B-TREE");
    assertThat(plan(SqlPersistence.PAGE + " WHERE " + SqlPersistence.AFTER + SqlPersistence.NEWEST_FIRST))
        .contains("SEARCH session USING INDEX session_newest").doesNotContain("TEMP B-TREE");
    assertThat(plan(SqlPersistence.PAGE + " WHERE " + new SqliteDialect(file()).recoverable() + SqlPersistence.NEWEST_FIRST))
        .contains("session_recoverable").doesNotContain("TEMP B-TREE");
    assertThat(plan(SqlPersistence.PAGE + " WHERE " + new SqliteDialect(file()).recoverable() + " AND " + SqlPersistence.AFTER + SqlPersistence.NEWEST_FIRST))
        .contains("session_recoverable").doesNotContain("TEMP B-TREE");
    assertThat(plan(SqlContents.READ)).contains("SEARCH k USING INDEX").contains("SEARCH s ").contains("SEARCH c ")
        .doesNotContain("TEMP B-TREE");
    assertThat(plan(SqlAppends.APPEND)).contains("SEARCH k USING INDEX").doesNotContain("SCAN s ").doesNotContain("SCAN c ")
        .doesNotContain("TEMP B-TREE");
  }

  private String plan(String sql) throws SQLException {
    StringBuilder plan = new StringBuilder();
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file());
         Statement statement = connection.createStatement();
         ResultSet rows = statement.executeQuery("EXPLAIN QUERY PLAN " + sql)) {
      while (rows.next()) {
        plan.append(rows.getString("detail")).append('\n');
      }
    }
    return plan.toString();
  }

  @Test
  void aDamagedProfileIsAFailure() throws Exception {
    await(open(file()));
    change("INSERT INTO profile (id, version, document) VALUES ('a', '1', '{}'), ('b', '1', 'rubbish')");
    refused(Kind.UNAVAILABLE, store().listAgentProfiles());
    refused(Kind.UNAVAILABLE, store().loadAgentProfile("b"));
    assertThat(await(store().loadAgentProfile("a"))).isPresent();
  }

  @Override
  public void openStoreOfTheFirstVersion() throws Exception {
    migrateTo("1");
    change("INSERT INTO session (id, owner, type, profile, created_at, last_activity, options, recovery) "
        + "VALUES ('old', 'epoch-0', 't', 'p', 1, 2, '{}', '{\"sandboxId\":\"s\"}'), ('idle', 'epoch-0', 't', 'p', 1, 2, '{}', NULL)");
    change("INSERT INTO content (session_key, kind, name, modified_at) SELECT session_key, 'transcript', 't', 0 FROM session WHERE id = 'old'");
    change("INSERT INTO chunk SELECT content_key, 0, 3, CAST('abc' AS BLOB) FROM content");
    change("INSERT INTO profile (id, document) VALUES ('by hand', '{\"name\":\"P\"}')");

    await(open(file()));
    assertThat(number("SELECT max(version) FROM flyway_schema_history WHERE success")).isEqualTo(SchemaMigration.VERSION);
  }

  private void migrateTo(String version) {
    Flyway.configure().dataSource("jdbc:sqlite:" + file(), null, null).locations("classpath:db/migration/sqlite").target(version)
        .load().migrate();
  }

  @Test
  void readersDoNotWaitForAWriter() throws Exception {
    await(open(file()));
    String id = create();
    append(id, "t", 0, "before");
    try (Connection writer = DriverManager.getConnection("jdbc:sqlite:" + file()); Statement statement = writer.createStatement()) {
      statement.execute("BEGIN IMMEDIATE");
      statement.execute("UPDATE session SET name = 'half done'");
      Future<Void> waiting = store().saveTranscript(id, EPOCH, "t", 6, bytes(" after"));
      assertThat(await(store().findSession(id)).orElseThrow().name()).isNull();
      assertThat(transcript(id, "t")).isEqualTo("before");
      assertThat(waiting.isComplete()).isFalse();
      statement.execute("COMMIT");
      await(waiting);
    }
    assertThat(transcript(id, "t")).isEqualTo("before after");
  }
}
