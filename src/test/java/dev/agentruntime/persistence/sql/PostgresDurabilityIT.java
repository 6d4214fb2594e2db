package dev.agentruntime.persistence.sql;

import org.junit.jupiter.api.BeforeAll;

class PostgresDurabilityIT extends ServerDurabilityContract {

  private static PostgresServer server;

  @BeforeAll
  static void start() throws Exception {
    server = PostgresServer.shared();
  }

  @Override
  RealServer server() {
    return server;
  }
}
