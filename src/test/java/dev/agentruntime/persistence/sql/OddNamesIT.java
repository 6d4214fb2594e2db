package dev.agentruntime.persistence.sql;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.AgentRuntime;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a URL means by a character may be in the names of databases and users, and in passwords. */
class OddNamesIT {

  private static final String ODD = "a?b&c=d%40e:f@g#h i+j;k'l\"m`n(o)p,q[r]\\s~é";

  private final Vertx vertx = Vertx.vertx();

  /** Flyway leaves a quote in the user's name as it is, so that there is none. */
  @Test
  void inPostgresql() throws Exception {
    PostgresServer server = PostgresServer.shared();
    String user = ODD.replace("'", "");
    server.execute("CREATE ROLE %s LOGIN PASSWORD %s".formatted(quoted(user, "\""), quoted(ODD, "'")),
        "CREATE DATABASE %s OWNER %s".formatted(quoted(ODD, "\""), quoted(user, "\"")));
    works(server.url(user, ODD, ODD));
  }

  /** Flyway leaves a quote in the database's name as it is, so that there is none. The server reads names in a character set of its own. */
  @ParameterizedTest
  @ValueSource(strings = {ODD, "options?connectTimeout=1&sslMode=verify-full"})
  void inMariaDb(String odd) throws Exception {
    MariaDbServer server = MariaDbServer.shared();
    String user = odd.replace("é", "");
    String database = user.replace("`", "");
    server.execute("CREATE USER %s IDENTIFIED BY %s".formatted(quoted(user, "`"), quoted(odd.replace("\\", "\\\\"), "'")),
        "CREATE DATABASE " + quoted(database, "`"), "GRANT ALL ON *.* TO " + quoted(user, "`"));
    works(server.url(user, odd, database));
  }

  private static String quoted(String name, String quote) {
    return quote + name.replace(quote, quote + quote) + quote;
  }

  private void works(String url) {
    PersistenceAdapter store = AgentRuntime.persistence(vertx,
        TestRuntime.settings(Path.of("unused"), Map.of("AGENT_RUNTIME_STORE_URL", url)));
    await(store.start());
    assertThat(await(store.listAllSessions(1, null)).sessions()).isEmpty();
    await(store.close());
    await(vertx.close());
  }
}
