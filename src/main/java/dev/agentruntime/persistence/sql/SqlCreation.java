package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import io.vertx.sqlclient.Tuple;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Makes sessions, and sees to it that none is made late, after it was given up.
 *
 * <p>A creation is a transaction of several steps, each sent when the one before is answered. So of what reaches the database late only the
 * commit has an effect, and as long as that is open the id is taken, for which others wait.
 */
final class SqlCreation {

  private static final String CREATE = "INSERT INTO session (" + SessionRows.COLUMNS + ", owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

  private record UnderWay(String sessionId, Future<Void> creation) {}

  private final SqlDatabase database;
  private final SqlOwnership ownership;
  private final Set<UnderWay> allUnderWay = ConcurrentHashMap.newKeySet();

  SqlCreation(SqlDatabase database, SqlOwnership ownership) {
    this.database = database;
    this.ownership = ownership;
  }

  Future<Void> create(SessionRecord record, String epoch) {
    Future<Void> creation = database.transaction(transaction -> insert(transaction, record, epoch)).recover(failure ->
        isConflict(failure) ? acceptRepeated(record, epoch, failure) : Future.failedFuture(failure));
    UnderWay underWay = new UnderWay(record.sessionId(), creation);
    allUnderWay.add(underWay);
    return creation.onComplete(ended -> allUnderWay.remove(underWay));
  }

  private static Future<Void> insert(SqlTransaction transaction, SessionRecord record, String epoch) {
    return transaction.execute(CREATE, SessionRows.parameters(record).addString(epoch)).mapEmpty();
  }

  /** Compared as text: which Java type a JSON number had is not kept. */
  private Future<Void> acceptRepeated(SessionRecord record, String epoch, Throwable conflict) {
    return ownership.transaction(record.sessionId(), epoch, (transaction, session) ->
            transaction.execute(SqlPersistence.FIND, Tuple.of(record.sessionId())).map(rows -> SessionRows.first(database.dialect(), rows)))
        .transform(found -> found.succeeded() && found.result().map(SessionRecord::toString).equals(Optional.of(record.toString()))
            ? Future.succeededFuture()
            : Future.failedFuture(conflict));
  }

  /** Done when the creations of this id that were called before are there or will never be. Makes nothing itself. */
  Future<Void> settle(String sessionId, String epoch) {
    List<Future<Void>> before =
        allUnderWay.stream().filter(each -> each.sessionId.equals(sessionId)).map(UnderWay::creation).toList();
    return Future.join(before).transform(ended -> takeId(sessionId, epoch));
  }

  /** For a moment, which waits for whoever has it. */
  private Future<Void> takeId(String sessionId, String epoch) {
    SessionRecord nobody = new SessionRecord(sessionId, "", "", null, 0, 0, Json.object(), null, null);
    return database.transaction(transaction -> insert(transaction, nobody, epoch)
            .compose(taken -> transaction.execute(SqlPersistence.DELETE, Tuple.of(sessionId, epoch))))
        .<Void>mapEmpty()
        .recover(failure -> isConflict(failure) ? Future.succeededFuture() : Future.failedFuture(failure));
  }

  private static boolean isConflict(Throwable failure) {
    return failure instanceof PersistenceException refused && refused.kind() == Kind.CONFLICT;
  }
}
