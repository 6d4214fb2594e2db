package dev.agentruntime.persistence.sql;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.AgentRuntime;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A database that has room for fewer connections than are wanted of it. */
class FewConnectionsIT {

  private static final String USER = "narrow";

  private final Vertx vertx = Vertx.vertx();
  private final List<Connection> others = new ArrayList<>();

  @AfterEach
  void close() throws SQLException {
    for (Connection other : others) {
      other.close();
    }
    await(vertx.close());
  }

  @Test
  void inPostgresql() throws Exception {
    PostgresServer server = PostgresServer.shared();
    server.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 3 PASSWORD 'narrow'", "CREATE DATABASE narrow OWNER narrow");
    saysThatThereIsNoRoom(server);
  }

  @Test
  void inMariaDb() throws Exception {
    MariaDbServer server = MariaDbServer.shared();
    server.execute("CREATE USER narrow IDENTIFIED BY 'narrow' WITH MAX_USER_CONNECTIONS 3", "CREATE DATABASE narrow",
        "GRANT ALL ON narrow.* TO narrow");
    saysThatThereIsNoRoom(server);
  }

  private void saysThatThereIsNoRoom(RealServer server) {
    String url = server.url(USER, USER, USER);
    start(url);
    List<PersistenceException> refusals = new ArrayList<>();
    // A connection that is being closed counts for a moment.
    SandboxTraces.await(() -> {
      takeAllThatAreLeft(server);
      try {
        start(url);
      } catch (PersistenceException e) {
        refusals.add(e);
      }
      return !refusals.isEmpty();
    }, () -> others.size() + " others");
    assertThat(refusals).singleElement().satisfies(refused -> assertThat(refused)
        .hasMessage("the database has no room for another connection: lower storeConnections, or let it have more"));
  }

  private void start(String url) {
    PersistenceAdapter store = AgentRuntime.persistence(vertx,
        TestRuntime.settings(Path.of("unused"), Map.of("AGENT_RUNTIME_STORE_URL", url)));
    await(store.start());
    await(store.close());
  }

  private void takeAllThatAreLeft(RealServer server) {
    try {
      while (true) {
        others.add(DriverManager.getConnection(server.jdbcUrl(USER), USER, USER));
      }
    } catch (SQLException full) {
      // As it should be.
    }
  }
}
