package dev.agentruntime.persistence.sql;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Through a pooler in transaction mode, which may be killed too. */
class SupabaseDurabilityIT extends ServerDurabilityContract {

  private static PgBouncer pooler;

  @BeforeAll
  static void start() throws Exception {
    pooler = new PgBouncer(PostgresServer.shared());
  }

  @Override
  RealServer server() {
    return pooler.postgres;
  }

  @Override
  String newDatabaseUrl() throws Exception {
    return pooler.url(pooler.postgres.newDatabase());
  }

  @Test
  void whatWasSavedOutlivesAKillOfThePooler() throws Exception {
    outlivesAKillOf(pooler.process);
  }
}
