package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.StaleOwnerException;
import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;

/** Who may write: the epoch in the session's row. */
final class SqlOwnership {

  /** What the owner does within a transaction that holds the session's row. */
  interface Work<T> {
    Future<T> apply(SqlTransaction transaction, long sessionKey);
  }

  private static final String OWNED = "SELECT s.session_key FROM session s WHERE s.id = ? AND s.owner = ?";
  private static final String OWNER = "SELECT owner FROM session WHERE id = ?";

  private final SqlDatabase database;

  SqlOwnership(SqlDatabase database) {
    this.database = database;
  }

  /** Fails with {@code NOT_FOUND} or {@code STALE_OWNER}, having changed nothing, unless {@code epoch} owns the session till the commit. */
  <T> Future<T> transaction(String sessionId, String epoch, Work<T> work) {
    return database.transaction(transaction ->
        transaction.execute(OWNED + database.dialect().forUpdate(), Tuple.of(sessionId, epoch)).compose(rows ->
            rows.size() == 0 ? refusal(sessionId) : work.apply(transaction, rows.iterator().next().getLong(0))));
  }

  /** Why a write that names the owner found no row. */
  <T> Future<T> refusal(String sessionId) {
    return database.read(OWNER, Tuple.of(sessionId)).compose(rows -> Future.failedFuture(rows.size() == 0
        ? new PersistenceException(Kind.NOT_FOUND, "there is no such session")
        : new StaleOwnerException(sessionId)));
  }
}
