package dev.agentruntime.persistence.sql;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A database that comes up after the program that uses it, as containers do that are started together. */
class LateDatabaseIT {

  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() {
    await(vertx.close());
  }

  @Test
  void postgresqlIsWaitedFor() throws Exception {
    PostgresServer server = PostgresServer.shared();
    isWaitedFor(SqlPersistence.postgresql(vertx, server.newDatabase()), server);
  }

  @Test
  void postgresqlBehindAPoolerIsWaitedFor() throws Exception {
    PostgresServer server = PostgresServer.shared();
    PgBouncer pooler = new PgBouncer(server);
    isWaitedFor(SqlPersistence.postgresql(vertx, pooler.before(server.newDatabase())), server);
    pooler.process.kill();
  }

  @Test
  void mariaDbIsWaitedFor() throws Exception {
    MariaDbServer server = MariaDbServer.shared();
    isWaitedFor(SqlPersistence.mysql(vertx, server.newDatabase()), server);
  }

  /** In its place is first somebody who hangs up. */
  private void isWaitedFor(PersistenceAdapter store, RealServer server) throws Exception {
    server.process().kill();
    Future<Void> start;
    try (ServerSocket before = new ServerSocket(server.port, 1, InetAddress.getLoopbackAddress())) {
      before.setSoTimeout(60_000);
      start = store.start();
      for (int attempt = 0; attempt < 2; attempt++) {
        before.accept().close();
      }
    } finally {
      server.process().start();
    }
    await(start);
    assertThat(await(store.listAllSessions(1, null)).sessions()).isEmpty();
    await(store.close());
  }

  @Test
  void aPasswordThatIsWrongIsNotTriedAgain() throws Exception {
    DatabaseServer server = PostgresServer.shared().newDatabase();
    PersistenceAdapter store = SqlPersistence.postgresql(vertx, new DatabaseServer(server.host(), server.port(), server.database(), server.user(),
        "wrong", server.tls(), null, false, 2, Integer.MAX_VALUE));
    assertThatThrownBy(() -> await(store.start())).isInstanceOf(PersistenceException.class)
        .hasMessage("the database refused the user's password");
  }

  @Test
  void aStartThatWaitsEndsWhenItsStoreIsClosed() throws Exception {
    int port;
    try (ServerSocket nobody = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = nobody.getLocalPort();
    }
    PersistenceAdapter store = SqlPersistence.postgresql(vertx,
        new DatabaseServer("127.0.0.1", port, "d", "u", null, DatabaseServer.Tls.DISABLE, null, false, 2, Integer.MAX_VALUE));
    Future<Void> start = store.start();
    await(store.close());
    assertThatThrownBy(() -> await(start)).isInstanceOf(PersistenceException.class).hasMessage("the database cannot be reached");
  }
}
