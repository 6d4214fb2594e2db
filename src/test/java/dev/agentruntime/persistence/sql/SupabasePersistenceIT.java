package dev.agentruntime.persistence.sql;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.DurablePersistenceContract;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Through a pooler that gives each transaction another connection. */
class SupabasePersistenceIT extends DurablePersistenceContract {

  private static final Vertx VERTX = Vertx.vertx();
  private static PgBouncer pooler;
  private static DatabaseServer database;

  @BeforeAll
  static void start() throws Exception {
    PostgresServer postgres = PostgresServer.shared();
    pooler = new PgBouncer(postgres);
    database = pooler.before(postgres.newDatabase());
  }

  @Override
  protected PersistenceAdapter open() {
    return SqlPersistence.postgresql(VERTX, database);
  }

  @Test
  void comesBackWithThePooler() throws Exception {
    String id = create();
    append(id, "t", 0, "before");
    pooler.process.kill();
    try {
      PersistenceException failure = refused(Kind.UNAVAILABLE, store().saveTranscript(id, EPOCH, "t", 6, bytes(" after")));
      assertThat(failure).hasMessage("the database cannot be reached");
      refused(Kind.UNAVAILABLE, store().ping());
    } finally {
      pooler.process.start();
    }
    // What died unnoticed fails once.
    for (int failed = 0; transcript(id).equals("before"); failed++) {
      assertThat(failed).isLessThan(2 * database.connections());
      await(store().saveTranscript(id, EPOCH, "t", 6, bytes(" after")).otherwiseEmpty());
    }
    assertThat(transcript(id)).isEqualTo("before after");
  }

  private String transcript(String id) {
    return await(store().readTranscript(id, "t", 0, 100).map(Buffer::toString).otherwise("before"));
  }

  /** Others get the connections that the schema was made through. */
  @Test
  void leavesTheSearchPathOfThePoolersConnectionsAlone() throws Exception {
    List<Connection> all = new ArrayList<>();
    try {
      for (int i = 0; i < PgBouncer.CONNECTIONS; i++) {
        Connection connection = DriverManager.getConnection("jdbc:postgresql://localhost:" + database.port() + "/" + database.database()
            + "?sslmode=require&prepareThreshold=0", database.user(), database.password());
        all.add(connection);
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement(); ResultSet path = statement.executeQuery("SHOW search_path")) {
          path.next();
          assertThat(path.getString(1)).isEqualTo("\"$user\", public");
        }
      }
    } finally {
      for (Connection connection : all) {
        connection.close();
      }
    }
  }

  @AfterAll
  static void closeVertx() {
    VERTX.close().toCompletionStage().toCompletableFuture().join();
  }
}
