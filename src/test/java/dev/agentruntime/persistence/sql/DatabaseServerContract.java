package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.EarlierVersionContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionPage;
import dev.agentruntime.persistence.StoredSession;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.SqlClient;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is true of every database server beside the contract: its schema, its plans, its going away and coming back. */
@Timeout(300)
abstract class DatabaseServerContract implements EarlierVersionContract {

  private static final int MANY = 100_000;

  private final Vertx vertx = Vertx.vertx();
  private final List<PersistenceAdapter> opened = new ArrayList<>();
  /** As the store reaches it. */
  DatabaseServer database;
  private DatabaseServer direct;

  abstract RealServer server();

  /** The way to a database that the store takes. */
  DatabaseServer way(DatabaseServer to) {
    return to;
  }

  /** The schema of the tables, or {@code null} where it is the database itself. */
  abstract String schema();

  /** The plan of a statement as the dialect has it, its parameters filled in. */
  abstract String plan(Statement statement, String sql) throws SQLException;

  abstract SqlDialect dialect(DatabaseServer server);

  @BeforeEach
  void createDatabase() throws Exception {
    direct = server().newDatabase();
    database = way(direct);
  }

  @AfterEach
  void closeAll() {
    opened.forEach(adapter -> await(adapter.close()));
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  @Override
  public PersistenceAdapter store() {
    return opened.getLast();
  }

  Future<Void> open(DatabaseServer server) {
    PersistenceAdapter adapter = new SqlPersistence(vertx, dialect(server));
    opened.add(adapter);
    return adapter.start();
  }

  String table(String name) {
    return schema() == null ? name : schema() + "." + name;
  }

  Connection connect() throws SQLException {
    return DriverManager.getConnection(server().jdbcUrl(direct.database()), direct.user(), direct.password());
  }

  long number(String sql) throws SQLException {
    try (Connection connection = connect(); Statement statement = connection.createStatement();
         ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return rows.getLong(1);
    }
  }

  void change(String... statements) throws SQLException {
    try (Connection connection = connect(); Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  DatabaseServer with(String password, String name, long timeoutMs) {
    return new DatabaseServer(database.host(), database.port(), name, database.user(), password, database.tls(), database.rootCertificate(),
        database.transactionPooler(), database.connections(), timeoutMs);
  }

  private void saysNothingSecret(PersistenceException failure) {
    assertThat(failure.getMessage()).doesNotContain("127.0.0.1", "localhost", database.user(), RealServer.PASSWORD, "hush", "session");
  }

  @Test
  void manyStartsAtOnceMakeOneSchema() throws SQLException {
    List<Future<Void>> starts = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      starts.add(open(database));
    }
    await(Future.all(starts));

    assertThat(number("SELECT count(*) FROM " + table("flyway_schema_history") + " WHERE success AND version IS NOT NULL"))
        .isEqualTo(SchemaMigration.VERSION);
    create();
    for (PersistenceAdapter each : opened) {
      assertThat(await(each.listAllSessions(10, null)).sessions()).hasSize(1);
    }
  }

  @Override
  public void openStoreOfTheFirstVersion() throws SQLException {
    migrateTo("1");
    change("INSERT INTO " + table("session") + " (id, owner, type, profile, created_at, last_activity, options, recovery) "
            + "VALUES ('old', 'epoch-0', 't', 'p', 1, 2, '{}', '{\"sandboxId\":\"s\"}'), ('idle', 'epoch-0', 't', 'p', 1, 2, '{}', NULL)",
        "INSERT INTO " + table("content") + " (session_key, kind, name, modified_at) SELECT session_key, 'transcript', 't', 0 FROM "
            + table("session") + " WHERE id = 'old'",
        "INSERT INTO " + table("chunk") + " SELECT content_key, 0, 3, 'abc' FROM " + table("content"),
        "INSERT INTO " + table("profile") + " (id, document) VALUES ('by hand', '{\"name\":\"P\"}')");
    await(open(database));
  }

  private void migrateTo(String version) {
    FluentConfiguration flyway = Flyway.configure().dataSource(server().jdbcUrl(direct.database()), direct.user(), direct.password())
        .locations("classpath:db/migration/" + (schema() == null ? "mysql" : "postgresql")).target(version);
    (schema() == null ? flyway : flyway.schemas(schema())).load().migrate();
  }

  @Test
  void refusesAStoreOfANewerVersion() throws SQLException {
    await(open(database));
    change("INSERT INTO " + table("flyway_schema_history") + " SELECT 99, '99', 'later', type, script, checksum, installed_by, installed_on, "
        + "execution_time, success FROM " + table("flyway_schema_history") + " WHERE version = '1'");
    assertThat(refused(Kind.UNAVAILABLE, open(database))).hasMessageContaining("newer version of Agent Runtime (its schema is version 99");
  }

  @Test
  void refusesAnotherProgramsTables() throws SQLException {
    if (schema() != null) {
      change("CREATE SCHEMA " + schema());
    }
    change("CREATE TABLE " + table("bookmark") + " (url INT)");
    assertThat(refused(Kind.UNAVAILABLE, open(database))).hasMessageContaining("another program");
  }

  @Test
  void listsAHundredThousandSessionsByAnIndex() throws SQLException {
    await(open(database));
    change("INSERT INTO " + table("session") + " (id, owner, type, profile, created_at, last_activity, options) "
        + "SELECT n, 'e', 't', 'p', n, n, '{}' FROM (" + numbers() + ") numbers", "ANALYZE " + (schema() == null ? "TABLE " : "") + table("session"));

    List<Long> times = new ArrayList<>();
    String after = null;
    do {
      SessionPage page = await(store().listAllSessions(2_000, after));
      page.sessions().forEach(session -> times.add(session.createdAt()));
      after = page.next();
    } while (after != null);
    assertThat(times).hasSize(MANY).isSortedAccordingTo(Collections.reverseOrder());

    try (Connection connection = connect(); Statement statement = connection.createStatement()) {
      String page = SqlPersistence.PAGE + " WHERE ";
      String afterMiddle = SqlPersistence.AFTER + SqlPersistence.NEWEST_FIRST;
      assertThat(plan(statement, SqlPersistence.PAGE + SqlPersistence.NEWEST_FIRST, "100")).contains("session_newest").doesNotContainIgnoringCase("sort");
      assertThat(plan(statement, page + afterMiddle, "50000", "50000", "'x'", "100")).contains("session_newest")
          .doesNotContainIgnoringCase("sort");
      assertThat(plan(statement, page + dialect(database).recoverable() + " AND " + afterMiddle, "50000", "50000", "'x'", "100"))
          .contains("session_recoverable").doesNotContainIgnoringCase("sort");
    }
  }

  private String plan(Statement statement, String sql, String... parameters) throws SQLException {
    String filled = schema() == null ? sql : sql.replaceAll("FROM session", "FROM " + table("session"));
    for (String parameter : parameters) {
      filled = filled.replaceFirst("\\?", parameter);
    }
    return plan(statement, filled);
  }

  /** 0 to 99 999, in the SQL of all. */
  private static String numbers() {
    String digits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 "
        + "UNION SELECT 8 UNION SELECT 9)";
    return "SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS n FROM %s a, %s b, %s c, %s d, %s e"
        .formatted(digits, digits, digits, digits, digits);
  }

  /** A pooler would keep the calls until it is back. */
  void isFoundAgainByWhoTalksToItDirectly() throws Exception {
    await(open(database));
    String id = create();
    append(id, "t", 0, "before");
    server().process().kill();
    try {
      for (Future<?> call : List.of(store().saveTranscript(id, EPOCH, "t", 6, bytes(" after")), store().findSession(id),
          store().replaceTranscript(id, EPOCH, "u", bytes("x")), store().ping(), store().listAllSessions(1, null))) {
        PersistenceException failure = refused(Kind.UNAVAILABLE, call);
        assertThat(failure).hasMessageStartingWith("the database");
        saysNothingSecret(failure);
      }
      saysNothingSecret(refused(Kind.UNAVAILABLE, new SqlPersistence(vertx, dialect(with(database.password(), database.database(), 2_000))).start()));
    } finally {
      server().process().start();
    }
    eventually(() -> store().saveTranscript(id, EPOCH, "t", 6, bytes(" after")));
    eventually(() -> store().ping());
    assertThat(transcript(id, "t")).isEqualTo("before after");
  }

  /** Connections that died unnoticed fail once each. */
  private void eventually(Supplier<Future<Void>> call) {
    for (int connections = 0; ; connections++) {
      try {
        await(call.get());
        return;
      } catch (PersistenceException e) {
        assertThat(e.kind()).isEqualTo(Kind.UNAVAILABLE);
        assertThat(connections).isLessThan(2 * database.connections());
      }
    }
  }

  @Test
  void aServerThatFallsSilentIsGivenUpInTime() throws Exception {
    await(open(with(database.password(), database.database(), 2_000)));
    String id = create();
    append(id, "t", 0, "before");
    server().process().suspend();
    try {
      List<Future<?>> calls = List.of(store().saveTranscript(id, EPOCH, "t", 6, bytes(" after")), store().findSession(id),
          store().loadSession(id, EPOCH));
      for (Future<?> call : calls) {
        // One finds it out, and with its connections those of the others are closed.
        assertThat(refused(Kind.UNAVAILABLE, call).getMessage()).isIn("the store did not answer in time", "the database cannot be reached");
      }
    } finally {
      server().process().resume();
    }
    eventually(() -> store().saveTranscript(id, EPOCH, "t", 6, bytes(" after")));
    assertThat(transcript(id, "t")).isEqualTo("before after");
    await(store().loadSession(id, "epoch-2"));
  }

  @Test
  void saysWhyItCannotStartWithoutSayingASecret() {
    PersistenceException password = refused(Kind.UNAVAILABLE, open(with("hush", database.database(), 60_000)));
    assertThat(password).hasMessage("the database refused the user's password");
    saysNothingSecret(password);
    PersistenceException name = refused(Kind.UNAVAILABLE, open(with(database.password(), "hush", 60_000)));
    assertThat(name).hasMessage("there is no such database");
    assertThat(database.toString()).doesNotContain(database.password());
  }

  @Test
  void whatWasLeftHalfDoneIsSweptByTheNextOwner() throws SQLException {
    await(open(database));
    String id = create();
    await(store().saveWorkspaceFile(id, EPOCH, "f", 1, bytes("whole")));
    change("INSERT INTO " + table("content") + " (session_key, kind, name, modified_at) SELECT session_key, 'staged', 'f', 2 FROM "
            + table("session"),
        "INSERT INTO " + table("chunk") + " SELECT max(content_key), 0, 4, '1234' FROM " + table("content"));

    assertThat(load(id).files()).singleElement().satisfies(file -> assertThat(file.size()).isEqualTo(5));
    assertThat(number("SELECT count(*) FROM " + table("content"))).isEqualTo(1);
    assertThat(number("SELECT count(*) FROM " + table("chunk"))).isEqualTo(1);
  }

  @Test
  void nothingIsLeftOfAnErasedSession() throws SQLException {
    await(open(database));
    String id = create();
    append(id, "t", 0, "said");
    await(store().saveWorkspaceFile(id, EPOCH, "f", 1, randomBytes(6_000_000, 1)));
    await(store().deleteSession(id, EPOCH));
    assertThat(number("SELECT (SELECT count(*) FROM " + table("session") + ") + (SELECT count(*) FROM " + table("content")
        + ") + (SELECT count(*) FROM " + table("chunk") + ")")).isZero();
  }

  /** How many statements wait for a row that another transaction holds, as SQL. */
  abstract String waiting();

  /** What the new owner has been told is there stays all that is there. */
  @ParameterizedTest
  @EnumSource
  void aWriteWaitsForWhoBecomesTheOwnerAndIsRefused(LateWrite write) throws SQLException {
    await(open(database));
    String id = create();
    append(id, "t", 0, "abc");
    append(id, "t", 3, "def");
    StoredSession before = load(id);
    Future<Void> late;
    try (Connection connection = connect(); Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute("UPDATE " + table("session") + " SET owner = 'epoch-2'");
      late = write.to(store(), before);
      while (number(waiting()) == 0) {
        assertThat(late.isComplete()).isFalse();
      }
      connection.commit();
    }
    refused(Kind.STALE_OWNER, late);
    assertThat(await(store().inspectSession(id))).contains(before);
    assertThat(transcript(id, "t")).isEqualTo("abcdef");
  }

  /** What its writing to the log has come to, in bytes; what the server does of its own accord, after a checkpoint say, is in it. */
  abstract long logBytes() throws SQLException;

  @Test
  void writesAboutWhatWasAppended() throws SQLException {
    await(open(database));
    String id = create();
    await(store().replaceTranscript(id, EPOCH, "t", randomBytes(4_000_000, 1)));
    appendKilobytes(id, 4_000_000, 300);
    long least = Long.MAX_VALUE;
    for (int round = 3; round < 6; round++) {
      long before = logBytes();
      appendKilobytes(id, 4_000_000 + round * 100 * 1024, 100);
      least = Math.min(least, (logBytes() - before) / 100);
    }
    assertThat(least).isLessThan(4 * 1024);
  }

  private void appendKilobytes(String id, long from, int kilobytes) {
    for (int i = 0; i < kilobytes; i++) {
      await(store().saveTranscript(id, EPOCH, "t", from + i * 1024, randomBytes(1024, i)));
    }
  }

  @Test
  void smallAppendsAreMerged() throws SQLException {
    await(open(database));
    String id = create();
    Buffer all = randomBytes(4 * SqlContents.WINDOW_BYTES + 5_000, 1);
    for (int at = 0; at < all.length(); at += 500) {
      await(store().saveTranscript(id, EPOCH, "t", at, all.getBuffer(at, Math.min(all.length(), at + 500))));
    }
    await(store().close());
    assertThat(number("SELECT count(*) FROM " + table("chunk"))).isLessThan(20);
    await(open(database));
    assertBytes(await(store().readTranscript(id, "t", 0, Integer.MAX_VALUE)), all);
  }

  /** With nothing but the socket's path to go by. */
  void worksThroughAUnixSocket(Path socket) {
    await(open(new DatabaseServer(socket.toString(), database.port(), database.database(), database.user(), database.password(),
        DatabaseServer.Tls.DISABLE, null, false, 2, 60_000)));
    String id = create();
    append(id, "t", 0, "said");
    assertThat(transcript(id, "t")).isEqualTo("said");
  }

  void checksCertificates(Path certificate, String hostOfCertificate, String otherHost) {
    for (DatabaseServer.Tls tls : DatabaseServer.Tls.values()) {
      await(open(over(tls, hostOfCertificate, certificate)));
    }
    await(open(over(DatabaseServer.Tls.REQUIRE, otherHost, null)));
    await(open(over(DatabaseServer.Tls.VERIFY_CA, otherHost, certificate)));
    PersistenceException otherName = refused(Kind.UNAVAILABLE, open(over(DatabaseServer.Tls.VERIFY_FULL, otherHost, certificate)));
    PersistenceException unknown = refused(Kind.UNAVAILABLE, open(over(DatabaseServer.Tls.VERIFY_CA, hostOfCertificate, null)));
    for (DatabaseServer server : List.of(over(DatabaseServer.Tls.VERIFY_FULL, otherHost, certificate),
        over(DatabaseServer.Tls.VERIFY_CA, hostOfCertificate, null))) {
      SqlClient client = dialect(server).readers(vertx);
      assertThatThrownBy(() -> client.query("SELECT 1").execute().toCompletionStage().toCompletableFuture().get(60, TimeUnit.SECONDS))
          .satisfies(failure -> assertThat(dialect(server).sentence(failure)).startsWith("the database's certificate is not trusted"));
      client.close();
    }
    assertThat(List.of(otherName, unknown)).allSatisfy(this::saysNothingSecret)
        .allSatisfy(failure -> assertThat(failure).hasMessage("the database's certificate is not trusted, or the database does not speak TLS"));
  }

  private DatabaseServer over(DatabaseServer.Tls tls, String host, Path certificate) {
    return new DatabaseServer(host, database.port(), database.database(), database.user(), database.password(), tls, certificate, false, 2,
        60_000);
  }
}
