package dev.agentruntime.persistence.sql;

import org.junit.jupiter.api.BeforeAll;

/** PostgreSQL through a pooler in transaction mode. */
class SupabaseServerIT extends PostgresContract {

  private static PgBouncer pooler;

  @BeforeAll
  static void start() throws Exception {
    pooler = new PgBouncer(PostgresServer.shared());
  }

  @Override
  PostgresServer server() {
    return pooler.postgres;
  }

  @Override
  DatabaseServer way(DatabaseServer to) {
    return pooler.before(to);
  }
}
