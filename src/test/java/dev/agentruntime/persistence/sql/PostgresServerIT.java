package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Future;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class PostgresServerIT extends PostgresContract {

  private static PostgresServer server;

  @BeforeAll
  static void start() throws Exception {
    server = PostgresServer.shared();
  }

  @Override
  PostgresServer server() {
    return server;
  }

  @Test
  void comesBackWithTheServer() throws Exception {
    isFoundAgainByWhoTalksToItDirectly();
  }

  @Test
  void goesThroughAUnixSocket() {
    worksThroughAUnixSocket(server.folder);
  }

  @Test
  void believesOnlyTheCertificatesThatItIsToldTo() throws SQLException {
    checksCertificates(server.certificate.certificate(), "localhost", "127.0.0.1");
    assertThat(number("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND datname = '" + database.database()
        + "'")).isPositive();
  }

  @Test
  void leavesTheTablesOfOthersAlone() throws SQLException {
    change("CREATE TABLE session (mine INT)", "CREATE TABLE profile (mine INT)", "INSERT INTO session VALUES (1)");
    await(open(database));
    create();
    assertThat(number("SELECT count(*) FROM public.session")).isEqualTo(1);
    assertThat(number("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).isEqualTo(2);
    assertThat(number("SELECT count(*) FROM agent_runtime.session")).isEqualTo(1);
  }

  /** A statement reaches a process of the database that stands still, and is done when that goes on. */
  @Test
  void whatTheDatabaseDoesLateDoesNotUndoWhatIsNewer() throws Exception {
    await(open(with(database.password(), database.database(), 5_000)));
    String id = create();
    await(store().updateSessionRecord(record(id), EPOCH));
    late(() -> store().updateSessionRecord(record(id, 1), EPOCH), () -> {
      await(store().renewEpoch(id, EPOCH, "epoch-2"));
      await(store().updateSessionRecord(record(id, 2), "epoch-2"));
    });
    assertThat(await(store().findSession(id))).contains(record(id, 2));
  }

  @Test
  void aCreationThatWasGivenUpIsNotDoneLate() throws Exception {
    await(open(with(database.password(), database.database(), 5_000)));
    create();
    late(() -> store().createSessionRecord(record("late"), EPOCH), () -> await(store().deleteSession("late", EPOCH)));
    assertThat(await(store().findSession("late"))).isEmpty();
  }

  @Test
  void aLoadThatWasGivenUpDoesNotTakeTheSessionAwayLate() throws Exception {
    await(open(with(database.password(), database.database(), 5_000)));
    String id = create();
    late(() -> store().loadSession(id, "epoch-2"), () -> await(store().loadSession(id, "epoch-3")));
    await(store().saveTranscript(id, "epoch-3", "t", 0, bytes("abc")));
  }

  /** The processes of the database stand still during the first call, and go on after the next, which is made by others. */
  private void late(Supplier<Future<?>> given, Runnable next) throws Exception {
    List<String> processes = processesOfThisDatabase();
    signal("STOP", processes);
    try {
      refused(Kind.UNAVAILABLE, given.get());
      next.run();
    } finally {
      signal("CONT", processes);
    }
    while (!Collections.disjoint(processesOfThisDatabase(), processes)) {
      Thread.onSpinWait();
    }
  }

  private List<String> processesOfThisDatabase() throws SQLException {
    List<String> ids = new ArrayList<>();
    try (Connection connection = connect(); Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
            + " AND pid <> pg_backend_pid()")) {
      while (rows.next()) {
        ids.add(rows.getString(1));
      }
    }
    return ids;
  }

  private static void signal(String name, List<String> processes) throws Exception {
    List<String> kill = new ArrayList<>(List.of("kill", "-" + name));
    kill.addAll(processes);
    DatabaseProcess.run(kill);
  }

  @Test
  void numbersTheParametersAndNamesTheSchema() {
    PostgresDialect dialect = new PostgresDialect(database);
    assertThat(dialect.statement("INSERT INTO chunk (content_key) SELECT s.a FROM session s JOIN content c WHERE s.id = ? AND c.session_key = ?"))
        .isEqualTo("INSERT INTO agent_runtime.chunk (content_key) SELECT s.a FROM agent_runtime.session s JOIN agent_runtime.content c "
            + "WHERE s.id = $1 AND c.session_key = $2");
    assertThat(dialect.statement("UPDATE session SET profile = ?")).isEqualTo("UPDATE agent_runtime.session SET profile = $1");
  }

  @Test
  void keepsTheOneCharacterThatItCannot() {
    PostgresDialect dialect = new PostgresDialect(database);
    for (String text : new String[] {"", "a", "\0", "\1", "\2", "\0\1", "\1\0", "\1\1\2", "a\0b\1c\2", "\0\0\0"}) {
      assertThat((String) dialect.parameter(text)).doesNotContain("\0");
      assertThat(dialect.text(dialect.parameter(text))).isEqualTo(text);
    }
    assertThat((String) dialect.parameter("\0")).isLessThan((String) dialect.parameter("\1"));
    assertThat((String) dialect.parameter("\1")).isLessThan((String) dialect.parameter("\2"));
    assertThat(dialect.text(null)).isNull();
  }
}
