package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.StoreOutageContract;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SupabaseOutageIT extends StoreOutageContract {

  private PgBouncer pooler;

  @Override
  protected Map<String, String> open() throws Exception {
    pooler = new PgBouncer(PostgresServer.shared());
    return Map.of("AGENT_RUNTIME_STORE_URL", pooler.url(pooler.postgres.newDatabase()));
  }

  @Override
  protected void end() {
    pooler.process.kill();
  }

  @Test
  void thePoolerIsKilledAndStartedAgain() throws Exception {
    outage(pooler.process::kill, pooler.process::start);
  }
}
