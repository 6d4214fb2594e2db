package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionCursor;
import dev.agentruntime.persistence.SessionPage;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.StoredSession.StoredFile;
import dev.agentruntime.persistence.StoredSession.Transcript;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Keeps sessions in an SQL database, through the common SQL client API and a {@link SqlDialect} for what differs. What "saved" means is
 * said by the dialect; see {@link SqliteDialect}.
 */
public final class SqlPersistence implements PersistenceAdapter {

  static final String PAGE = "SELECT " + SessionRows.COLUMNS + " FROM session";
  /** The first half is for MySQL, which finds no index for the second. */
  static final String AFTER = "created_at <= ? AND (created_at, id) < (?, ?)";
  static final String NEWEST_FIRST = " ORDER BY created_at DESC, id DESC LIMIT ?";
  static final String FIND = "SELECT " + SessionRows.COLUMNS + " FROM session WHERE id = ?";
  private static final String UPDATE = """
      UPDATE session SET id = ?, type = ?, profile = ?, name = ?, created_at = ?, last_activity = ?, options = ?, metadata = ?, recovery = ?
      WHERE id = ? AND owner = ?""";
  private static final String OWN = "UPDATE session SET owner = ? WHERE id = ?";
  private static final String RENEW = "UPDATE session SET owner = ? WHERE id = ? AND owner IN (?, ?)";
  private static final String CONTENTS = """
      SELECT c.kind, c.name, c.modified_at, coalesce(
        (SELECT k.end_at FROM chunk k WHERE k.content_key = c.content_key ORDER BY k.start_at DESC LIMIT 1), 0)
      FROM session s JOIN content c ON c.session_key = s.session_key
      WHERE s.id = ? AND c.kind <> 'staged'
      ORDER BY c.name""";
  static final String DELETE = "DELETE FROM session WHERE id = ? AND owner = ?";

  private final SqlDatabase database;
  private final SqlOwnership ownership;
  private final SqlCreation creation;
  private final SqlContents contents;
  private final SqlProfiles profiles;

  public SqlPersistence(Vertx vertx, SqlDialect dialect) {
    database = new SqlDatabase(vertx, dialect);
    ownership = new SqlOwnership(database);
    creation = new SqlCreation(database, ownership);
    contents = new SqlContents(database, ownership);
    profiles = new SqlProfiles(database);
  }

  /** {@code sqlite:}: one file, made with its folder if it is not there. */
  public static SqlPersistence sqlite(Vertx vertx, Path file) {
    return new SqlPersistence(vertx, new SqliteDialect(file));
  }

  /** {@code postgresql:}, and Supabase. */
  public static SqlPersistence postgresql(Vertx vertx, DatabaseServer server) {
    return new SqlPersistence(vertx, new PostgresDialect(server));
  }

  /** {@code mysql:}, and MariaDB. */
  public static SqlPersistence mysql(Vertx vertx, DatabaseServer server) {
    return new SqlPersistence(vertx, new MysqlDialect(server));
  }

  @Override
  public Future<Void> start() {
    return database.open().compose(opened -> database.dialect().timeoutMs() == 0 ? Future.succeededFuture() : firstPing());
  }

  /** A server was migrated through one driver and is used through another: mistakes in how it is reached show here. */
  private Future<Void> firstPing() {
    return ping().recover(failure -> close().transform(closed -> Future.failedFuture(failure)));
  }

  @Override
  public Future<Void> ping() {
    return database.read("SELECT count(*) FROM session WHERE id = ?", Tuple.of("")).mapEmpty();
  }

  @Override
  public Future<Void> close() {
    return database.close();
  }

  @Override
  public Future<SessionPage> listAllSessions(int limit, String after) {
    return page(after == null ? PAGE : PAGE + " WHERE " + AFTER, limit, after);
  }

  @Override
  public Future<SessionPage> listRecoverableSessions(int limit, String after) {
    String recoverable = PAGE + " WHERE " + database.dialect().recoverable();
    return page(after == null ? recoverable : recoverable + " AND " + AFTER, limit, after);
  }

  private Future<SessionPage> page(String sql, int limit, String after) {
    Tuple parameters = Tuple.tuple();
    try {
      SessionCursor.requireLimit(limit);
      if (after != null) {
        SessionCursor last = SessionCursor.parse(after);
        parameters.addLong(last.createdAt()).addLong(last.createdAt()).addString(last.sessionId());
      }
    } catch (PersistenceException e) {
      return Future.failedFuture(e);
    }
    parameters.addLong(limit + 1L);
    return database.read(sql + NEWEST_FIRST, parameters).map(rows -> {
      List<SessionRecord> page = new ArrayList<>();
      for (Row row : rows) {
        page.add(SessionRows.toRecord(database.dialect(), row));
      }
      boolean more = page.size() > limit;
      if (more) {
        page.removeLast();
      }
      return new SessionPage(page, more ? SessionCursor.of(page.getLast()).toString() : null);
    });
  }

  @Override
  public Future<Optional<SessionRecord>> findSession(String sessionId) {
    return database.read(FIND, Tuple.of(sessionId)).map(rows -> SessionRows.first(database.dialect(), rows));
  }

  /** The record last: a session that is there after its contents were read was there before, too. */
  @Override
  public Future<Optional<StoredSession>> inspectSession(String sessionId) {
    return database.read(CONTENTS, Tuple.of(sessionId)).compose(contents ->
        findSession(sessionId).map(record -> record.map(found -> stored(found, contents))));
  }

  @Override
  public Future<Optional<StoredSession>> loadSession(String sessionId, String epoch) {
    return database.transaction(transaction -> {
      Future<?> owned = transaction.execute(OWN, Tuple.of(epoch, sessionId));
      Future<?> swept = SqlContents.deleteStaged(transaction, sessionId);
      Future<RowSet<Row>> record = transaction.execute(FIND, Tuple.of(sessionId));
      Future<RowSet<Row>> contents = transaction.execute(CONTENTS, Tuple.of(sessionId));
      return Future.all(owned, swept, record, contents)
          .map(read -> SessionRows.first(database.dialect(), record.result()).map(found -> stored(found, contents.result())));
    });
  }

  @Override
  public Future<Void> renewEpoch(String sessionId, String epoch, String next) {
    return writeAsOwner(RENEW, Tuple.of(next, sessionId, epoch, next), sessionId);
  }

  private StoredSession stored(SessionRecord record, RowSet<Row> contents) {
    List<Transcript> transcripts = new ArrayList<>();
    List<StoredFile> files = new ArrayList<>();
    for (Row row : contents) {
      String name = SessionRows.text(database.dialect(), row, 1);
      if (SessionRows.text(database.dialect(), row, 0).equals(SqlContents.Kind.TRANSCRIPT.column)) {
        transcripts.add(new Transcript(name, row.getLong(3)));
      } else {
        files.add(new StoredFile(name, row.getLong(3), row.getLong(2)));
      }
    }
    return new StoredSession(record, transcripts, files);
  }

  @Override
  public Future<Void> createSessionRecord(SessionRecord record, String epoch) {
    return creation.create(record, epoch);
  }

  @Override
  public Future<Void> updateSessionRecord(SessionRecord record, String epoch) {
    Tuple parameters = SessionRows.parameters(record).addString(record.sessionId()).addString(epoch);
    return writeAsOwner(UPDATE, parameters, record.sessionId());
  }

  /** @param sql finds the session's row if its writer owns it */
  private Future<Void> writeAsOwner(String sql, Tuple parameters, String sessionId) {
    return database.write(sql, parameters).compose(written ->
        written.rowCount() == 1 ? Future.succeededFuture() : ownership.refusal(sessionId));
  }

  @Override
  public Future<Void> saveTranscript(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    return contents.append(sessionId, epoch, name, offset, bytes);
  }

  @Override
  public Future<Void> replaceTranscript(String sessionId, String epoch, String name, Buffer bytes) {
    return contents.replace(sessionId, epoch, SqlContents.Kind.TRANSCRIPT, name, 0, bytes);
  }

  @Override
  public Future<Buffer> readTranscript(String sessionId, String name, long offset, int length) {
    return contents.read(sessionId, SqlContents.Kind.TRANSCRIPT, name, offset, length);
  }

  @Override
  public Future<Void> saveWorkspaceFile(String sessionId, String epoch, String path, long modifiedAt, Buffer content) {
    return contents.replace(sessionId, epoch, SqlContents.Kind.FILE, path, modifiedAt, content);
  }

  @Override
  public Future<Buffer> readWorkspaceFile(String sessionId, String path, long offset, int length) {
    return contents.read(sessionId, SqlContents.Kind.FILE, path, offset, length);
  }

  @Override
  public Future<Void> deleteSessionFile(String sessionId, String epoch, String path) {
    return contents.delete(sessionId, epoch, SqlContents.Kind.FILE, path);
  }

  @Override
  public Future<Void> deleteSession(String sessionId, String epoch) {
    Tuple parameters = Tuple.of(sessionId, epoch);
    return database.write(DELETE, parameters).compose(deleted -> deleted.rowCount() == 1
        ? Future.succeededFuture()
        : creation.settle(sessionId, epoch)
            .compose(settled -> writeAsOwner(DELETE, parameters, sessionId))
            .recover(SqlPersistence::acceptAbsence));
  }

  private static Future<Void> acceptAbsence(Throwable failure) {
    return failure instanceof PersistenceException refused && refused.kind() == Kind.NOT_FOUND
        ? Future.succeededFuture()
        : Future.failedFuture(failure);
  }

  @Override
  public Future<List<StoredProfile>> listAgentProfiles() {
    return profiles.list();
  }

  @Override
  public Future<Optional<StoredProfile>> loadAgentProfile(String profileId) {
    return profiles.find(profileId);
  }

  @Override
  public Future<Void> saveAgentProfile(StoredProfile profile, String expectedVersion) {
    return profiles.save(profile, expectedVersion);
  }

  @Override
  public Future<Void> deleteAgentProfile(String profileId, String expectedVersion) {
    return profiles.delete(profileId, expectedVersion);
  }
}
