package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;

/**
 * Transcripts and files: bytes in chunks that follow one another.
 *
 * <p>An append adds a chunk and touches nothing else. Very small chunks would make a transcript slow to read, so each time it grows past a
 * multiple of {@link #WINDOW_BYTES} the chunks of the window before are merged into one, if they are smaller than {@link
 * #SMALL_CHUNK_BYTES} on average. Larger ones are left: in a database's pages they lie among those of other sessions, and to take them out
 * would write all of these pages again.
 */
final class SqlContents {

  /** The column {@code kind}. */
  enum Kind {
    TRANSCRIPT("transcript"),
    FILE("file"),
    /** Becomes a transcript or file when all of its bytes are there. */
    STAGED("staged");

    final String column;

    Kind(String column) {
      this.column = column;
    }
  }

  /** What is written is cut into chunks of this size, and small ones are merged by this window. Part of the stored format. */
  static final int WINDOW_BYTES = 256 * 1024;

  /** A merged chunk holds the chunks that begin in a window: less than the window, and one whole chunk. */
  private static final int LARGEST_CHUNK_BYTES = 2 * WINDOW_BYTES;

  /** Chunks sent to the database at once: 4 MiB. */
  private static final int CHUNKS_PER_BATCH = 16;

  /** What a chunk has on average if it is worth merging. */
  static final int SMALL_CHUNK_BYTES = 512;

  private static final String INSERT_CHUNK = "INSERT INTO chunk (content_key, start_at, end_at, bytes) VALUES (?, ?, ?, ?)";

  private static final String CONTENT_KEY = "SELECT content_key FROM content WHERE session_key = ? AND kind = ? AND name = ?";

  private static final String INSERT_CONTENT = "INSERT INTO content (session_key, kind, name, modified_at) VALUES (?, ?, ?, ?)";

  private static final String DELETE_CONTENT = "DELETE FROM content WHERE session_key = ? AND kind = ? AND name = ?";

  private static final String LENGTH = "SELECT end_at FROM chunk WHERE content_key = ? ORDER BY start_at DESC LIMIT 1";

  static final String READ = """
      SELECT coalesce(k.start_at, -1), k.bytes, coalesce(
        (SELECT l.end_at FROM chunk l WHERE l.content_key = c.content_key ORDER BY l.start_at DESC LIMIT 1), 0)
      FROM session s JOIN content c ON c.session_key = s.session_key AND c.kind = ? AND c.name = ?
      LEFT JOIN chunk k ON k.content_key = c.content_key AND k.start_at > ? AND k.start_at < ? AND k.end_at > ?
      WHERE s.id = ?
      ORDER BY k.start_at""";

  private static final String IN_WINDOW = " FROM chunk WHERE content_key = ? AND start_at >= ? AND start_at < ?";

  private static final String COUNT_WINDOW = "SELECT count(*)" + IN_WINDOW;

  private static final String WINDOW = "SELECT start_at, bytes" + IN_WINDOW + " ORDER BY start_at";

  private static final String DELETE_WINDOW = "DELETE" + IN_WINDOW;

  private static final String DELETE_STAGED =
      "DELETE FROM content WHERE kind = 'staged' AND session_key = (SELECT session_key FROM session WHERE id = ?)";

  private static final String PUBLISH = "UPDATE content SET kind = ? WHERE content_key = ?";

  private final SqlDatabase database;
  private final SqlOwnership ownership;
  private final SqlAppends appends;

  SqlContents(SqlDatabase database, SqlOwnership ownership) {
    this.database = database;
    this.ownership = ownership;
    this.appends = new SqlAppends(database);
  }

  Future<Void> append(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    if (offset < 0) {
      return Future.failedFuture(new PersistenceException(PersistenceException.Kind.INVALID, "an offset is negative"));
    }
    long end = offset + bytes.length();
    // The first bytes of a transcript are mostly those of one that is not there yet.
    Future<Void> appended = offset == 0 || bytes.length() == 0 || bytes.length() > WINDOW_BYTES
        ? appendCarefully(sessionId, epoch, name, offset, bytes)
        : appends.append(sessionId, epoch, name, offset, bytes)
            .compose(written -> written ? Future.succeededFuture() : appendCarefully(sessionId, epoch, name, offset, bytes));
    return appended.onSuccess(done -> {
      if (bytes.length() <= WINDOW_BYTES && offset / WINDOW_BYTES != end / WINDOW_BYTES) {
        mergeWindow(sessionId, epoch, name, offset / WINDOW_BYTES * WINDOW_BYTES);
      }
    });
  }

  /** For everything but the next bytes of a transcript that is there. */
  private Future<Void> appendCarefully(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    return ownership.transaction(sessionId, epoch, (transaction, session) ->
        contentKey(transaction, session, Kind.TRANSCRIPT, name)
            .compose(found -> found != null || offset > 0
                ? Future.succeededFuture(found)
                : insertContent(transaction, session, Kind.TRANSCRIPT, name, 0))
            .compose(key -> length(transaction, key).compose(length -> {
              if (offset > length) {
                return Future.failedFuture(new PersistenceException(PersistenceException.Kind.GAP,
                    "the transcript has " + length + " bytes, the append begins at " + offset));
              }
              int known = (int) Math.min(length - offset, bytes.length());
              return insertChunks(transaction, key, length, bytes, known);
            })));
  }

  Future<Void> replace(String sessionId, String epoch, Kind kind, String name, long modifiedAt, Buffer bytes) {
    if (bytes.length() > CHUNKS_PER_BATCH * WINDOW_BYTES) {
      return replaceInSteps(sessionId, epoch, kind, name, modifiedAt, bytes);
    }
    return ownership.transaction(sessionId, epoch, (transaction, session) ->
        both(deleteContent(transaction, session, kind, name), insertContent(transaction, session, kind, name, modifiedAt))
            .compose(key -> insertChunks(transaction, key, 0, bytes, 0)));
  }

  /** Other sessions' writes have their turn between the steps. Nobody sees the new content before the last one. */
  private Future<Void> replaceInSteps(String sessionId, String epoch, Kind kind, String name, long modifiedAt, Buffer bytes) {
    return ownership.transaction(sessionId, epoch, (transaction, session) ->
            both(deleteContent(transaction, session, Kind.STAGED, name),
                insertContent(transaction, session, Kind.STAGED, name, modifiedAt)))
        .compose(key -> stage(sessionId, epoch, key, bytes, 0)
            .compose(staged -> ownership.transaction(sessionId, epoch, (transaction, session) ->
                both(deleteContent(transaction, session, kind, name), transaction.execute(PUBLISH, Tuple.of(kind.column, key)))
                    .<Void>mapEmpty()))
            .recover(failure -> delete(sessionId, epoch, Kind.STAGED, name).transform(deleted -> Future.failedFuture(failure))));
  }

  private Future<Void> stage(String sessionId, String epoch, long key, Buffer bytes, int from) {
    int to = Math.min(bytes.length(), from + CHUNKS_PER_BATCH * WINDOW_BYTES);
    Future<Void> step = ownership.transaction(sessionId, epoch, (transaction, session) ->
        insertChunks(transaction, key, from, bytes.getBuffer(from, to), 0));
    return to == bytes.length() ? step : step.compose(done -> stage(sessionId, epoch, key, bytes, to));
  }

  /** What an owner that is no more has left half done. */
  static Future<Void> deleteStaged(SqlTransaction transaction, String sessionId) {
    return transaction.execute(DELETE_STAGED, Tuple.of(sessionId)).mapEmpty();
  }

  Future<Void> delete(String sessionId, String epoch, Kind kind, String name) {
    return ownership.transaction(sessionId, epoch, (transaction, session) -> deleteContent(transaction, session, kind, name));
  }

  Future<Buffer> read(String sessionId, Kind kind, String name, long offset, int length) {
    if (offset < 0 || length < 0) {
      return Future.failedFuture(new PersistenceException(PersistenceException.Kind.INVALID, "an offset or length is negative"));
    }
    long end = offset + length < offset ? Long.MAX_VALUE : offset + length;
    return database.read(READ, Tuple.tuple()
            .addString(kind.column).addString(name)
            .addLong(offset - LARGEST_CHUNK_BYTES).addLong(end).addLong(offset).addString(sessionId))
        .map(rows -> {
          if (rows.size() == 0) {
            throw new PersistenceException(PersistenceException.Kind.NOT_FOUND, "there is no such session or content");
          }
          return range(rows, offset, end);
        });
  }

  private Buffer range(RowSet<Row> rows, long offset, long end) {
    Buffer range = Buffer.buffer();
    long length = 0;
    for (Row row : rows) {
      length = row.getLong(2);
      long start = row.getLong(0);
      if (start >= 0) {
        Buffer chunk = SessionRows.bytes(row, 1);
        int from = (int) Math.max(0, offset - start);
        int to = (int) Math.min(chunk.length(), end - start);
        range.appendBuffer(chunk, from, to - from);
      }
    }
    if (range.length() != Math.max(0, Math.min(end, length) - offset)) {
      throw new PersistenceException(PersistenceException.Kind.UNAVAILABLE, "the store has lost a part of this content");
    }
    return range;
  }

  private void mergeWindow(String sessionId, String epoch, String name, long window) {
    ownership.transaction(sessionId, epoch, (transaction, session) ->
        contentKey(transaction, session, Kind.TRANSCRIPT, name).compose(key -> mergeWindow(transaction, key, window)));
    // Nobody waits for it: a window that was not merged is read more slowly, and that is all.
  }

  private static Future<Void> mergeWindow(SqlTransaction transaction, Long key, long window) {
    Tuple ofWindow = Tuple.of(key, window, window + WINDOW_BYTES);
    return transaction.execute(COUNT_WINDOW, ofWindow).compose(counted ->
        counted.iterator().next().getInteger(0) <= WINDOW_BYTES / SMALL_CHUNK_BYTES
            ? Future.succeededFuture()
            : transaction.execute(WINDOW, ofWindow).compose(chunks -> {
              long start = chunks.iterator().next().getLong(0);
              Buffer merged = Buffer.buffer();
              chunks.forEach(chunk -> merged.appendBuffer(SessionRows.bytes(chunk, 1)));
              return both(transaction.execute(DELETE_WINDOW, ofWindow),
                  transaction.execute(INSERT_CHUNK, Tuple.of(key, start, start + merged.length(), merged))).mapEmpty();
            }));
  }

  /** Of two statements that were given at once, the second's result. */
  private static <T> Future<T> both(Future<?> first, Future<T> second) {
    return Future.all(first, second).map(done -> second.result());
  }

  private static Future<Long> contentKey(SqlTransaction transaction, long session, Kind kind, String name) {
    return transaction.execute(CONTENT_KEY, Tuple.of(session, kind.column, name))
        .map(rows -> rows.size() == 0 ? null : rows.iterator().next().getLong(0));
  }

  private static Future<Long> insertContent(SqlTransaction transaction, long session, Kind kind, String name, long modifiedAt) {
    Future<?> inserted = transaction.execute(INSERT_CONTENT, Tuple.of(session, kind.column, name, modifiedAt));
    return both(inserted, contentKey(transaction, session, kind, name));
  }

  private static Future<Void> deleteContent(SqlTransaction transaction, long session, Kind kind, String name) {
    return transaction.execute(DELETE_CONTENT, Tuple.of(session, kind.column, name)).mapEmpty();
  }

  private static Future<Long> length(SqlTransaction transaction, Long content) {
    return content == null
        ? Future.succeededFuture(0L)
        : transaction.execute(LENGTH, Tuple.of(content))
            .map(rows -> rows.size() == 0 ? 0L : rows.iterator().next().getLong(0));
  }

  /** Inserts {@code bytes} from the index {@code from} on, as what follows the first {@code start} bytes of the content. */
  private Future<Void> insertChunks(SqlTransaction transaction, long content, long start, Buffer bytes, int from) {
    if (from >= bytes.length()) {
      return Future.succeededFuture();
    }
    List<Tuple> batch = new ArrayList<>();
    int to = from;
    while (to < bytes.length() && batch.size() < CHUNKS_PER_BATCH) {
      int end = Math.min(bytes.length(), to + WINDOW_BYTES);
      batch.add(Tuple.of(content, start + to - from, start + end - from, bytes.slice(to, end)));
      to = end;
    }
    int next = to;
    return transaction.executeBatch(INSERT_CHUNK, batch)
        .compose(inserted -> insertChunks(transaction, content, start + next - from, bytes, next));
  }
}
