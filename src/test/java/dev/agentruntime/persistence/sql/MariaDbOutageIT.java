package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.StoreOutageContract;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MariaDbOutageIT extends StoreOutageContract {

  private MariaDbServer mariaDb;

  @Override
  protected Map<String, String> open() throws Exception {
    mariaDb = MariaDbServer.shared();
    return Map.of("AGENT_RUNTIME_STORE_URL", mariaDb.newDatabaseUrl());
  }

  @Override
  protected void end() {
    // The server is that of all tests.
  }

  @Test
  void itIsKilledAndStartedAgain() throws Exception {
    outage(mariaDb.process()::kill, mariaDb.process()::start);
  }
}
