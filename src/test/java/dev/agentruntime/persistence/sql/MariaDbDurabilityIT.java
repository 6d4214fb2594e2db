package dev.agentruntime.persistence.sql;

import org.junit.jupiter.api.BeforeAll;

class MariaDbDurabilityIT extends ServerDurabilityContract {

  private static MariaDbServer server;

  @BeforeAll
  static void start() throws Exception {
    server = MariaDbServer.shared();
  }

  @Override
  RealServer server() {
    return server;
  }
}
