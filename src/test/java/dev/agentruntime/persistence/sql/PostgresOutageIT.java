package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.StoreOutageContract;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PostgresOutageIT extends StoreOutageContract {

  private PostgresServer postgres;

  @Override
  protected Map<String, String> open() throws Exception {
    postgres = new PostgresServer();
    return Map.of("AGENT_RUNTIME_STORE_PASSWORD", PostgresServer.PASSWORD, "AGENT_RUNTIME_STORE_URL",
        "postgresql://" + PostgresServer.USER + "@127.0.0.1:" + postgres.port + "/" + postgres.newDatabase().database());
  }

  @Override
  protected void end() {
    postgres.process().kill();
  }

  @Test
  void itIsKilledAndStartedAgain() throws Exception {
    outage(postgres.process()::kill, postgres.process()::start);
  }

  @Test
  void itAnswersNothingForAWhile() throws Exception {
    outage(() -> postgres.process().suspend(), () -> postgres.process().resume());
  }
}
