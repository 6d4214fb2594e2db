package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;

/**
 * Appends of different sessions, committed together when they come faster than the database takes them one by one. An append that finds
 * nobody before it is written at once.
 */
final class SqlAppends {

  /** Appends in one commit. */
  private static final int LARGEST_GROUP = 128;

  /**
   * Nothing is written unless the epoch owns the session and the transcript ends where the append begins. To be followed by {@link
   * SqlDialect#forUpdate()}: a new owner either waits for the append and reads it, or has come before it.
   */
  static final String APPEND = """
      INSERT INTO chunk (content_key, start_at, end_at, bytes)
      SELECT c.content_key, ?, ?, ?
      FROM session s JOIN content c ON c.session_key = s.session_key AND c.kind = 'transcript' AND c.name = ?
      WHERE s.id = ? AND s.owner = ? AND ? = coalesce(
        (SELECT k.end_at FROM chunk k WHERE k.content_key = c.content_key ORDER BY k.start_at DESC LIMIT 1), 0)""";

  private record Append(Tuple parameters, Promise<Boolean> written) {}

  private final SqlDatabase database;
  private final String append;
  private final Queue<Append> waiting = new ArrayDeque<>();
  private boolean writing;

  SqlAppends(SqlDatabase database) {
    this.database = database;
    this.append = APPEND + database.dialect().forUpdate();
  }

  /**
   * Appends one chunk to a transcript that is there.
   *
   * @return false if it was not written, because the transcript, its length or its owner is another
   */
  Future<Boolean> append(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    Append one = new Append(Tuple.tuple()
        .addLong(offset).addLong(offset + bytes.length()).addBuffer(bytes)
        .addString(name).addString(sessionId).addString(epoch).addLong(offset), Promise.promise());
    synchronized (this) {
      waiting.add(one);
      if (writing) {
        return one.written.future();
      }
      writing = true;
    }
    writeNext();
    return one.written.future();
  }

  private void writeNext() {
    List<Append> group = new ArrayList<>();
    synchronized (this) {
      while (group.size() < LARGEST_GROUP && !waiting.isEmpty()) {
        group.add(waiting.remove());
      }
      writing = !group.isEmpty();
    }
    if (group.size() == 1) {
      Append only = group.getFirst();
      Future<Boolean> written = alone(only);
      written.onComplete(done -> writeNext());
      written.onComplete(only.written);
    } else if (!group.isEmpty()) {
      together(group);
    }
  }

  private Future<Boolean> alone(Append one) {
    return database.write(append, one.parameters).map(rows -> rows.rowCount() == 1)
        // Another append of these bytes, or the end of the transcript, came in between.
        .recover(failure -> failure instanceof PersistenceException refused && refused.kind() == Kind.CONFLICT
            ? Future.succeededFuture(false)
            : Future.failedFuture(failure));
  }

  private void together(List<Append> group) {
    database.writeBatch(append, group.stream().map(Append::parameters).toList())
        .onComplete(outcome -> {
          writeNext();
          if (outcome.succeeded()) {
            List<Integer> counts = outcome.result();
            for (int i = 0; i < group.size(); i++) {
              group.get(i).written.complete(counts.get(i) == 1);
            }
          } else if (!SqlDatabase.wasUndone(outcome.cause())) {
            group.forEach(one -> one.written.fail(outcome.cause()));
          } else {
            // One that cannot be written must not take the others with it.
            group.forEach(one -> alone(one).onComplete(one.written));
          }
        });
  }
}
