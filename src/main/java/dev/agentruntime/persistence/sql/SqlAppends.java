package dev.agentruntime.persistence.sql;

import io.vertx.core.Future;
import io.vertx.core.Promise;
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

  /** Nothing is written unless the epoch owns the session and the transcript ends where the append begins. */
  static final String APPEND = """
      INSERT INTO chunk (content_key, start_at, end_at, bytes)
      SELECT c.content_key, ?, ?, ?
      FROM session s JOIN content c ON c.session_key = s.session_key AND c.kind = 'transcript' AND c.name = ?
      WHERE s.id = ? AND s.owner = ? AND ? = coalesce(
        (SELECT k.end_at FROM chunk k WHERE k.content_key = c.content_key ORDER BY k.start_at DESC LIMIT 1), 0)""";

  private record Append(Tuple parameters, Promise<Boolean> written) {}

  private final SqlDatabase database;
  private final Queue<Append> waiting = new ArrayDeque<>();
  private boolean writing;

  SqlAppends(SqlDatabase database) {
    this.database = database;
  }

  /**
   * Appends one chunk to a transcript that is there.
   *
   * @return false if it was not written, because the transcript, its length or its owner is another
   */
  Future<Boolean> append(String sessionId, String epoch, String name, long offset, byte[] bytes) {
    Append append = new Append(Tuple.tuple()
        .addLong(offset).addLong(offset + bytes.length).addValue(database.dialect().parameter(bytes))
        .addString(name).addString(sessionId).addString(epoch).addLong(offset), Promise.promise());
    synchronized (this) {
      waiting.add(append);
      if (writing) {
        return append.written.future();
      }
      writing = true;
    }
    writeNext();
    return append.written.future();
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

  private Future<Boolean> alone(Append append) {
    return database.write(APPEND, append.parameters).map(rows -> rows.rowCount() == 1);
  }

  private void together(List<Append> group) {
    database.transaction(connection -> connection.preparedQuery(APPEND).executeBatch(group.stream().map(Append::parameters).toList()))
        .onComplete(outcome -> {
          writeNext();
          if (outcome.succeeded()) {
            List<Integer> counts = database.dialect().batchCounts(outcome.result());
            for (int i = 0; i < group.size(); i++) {
              group.get(i).written.complete(counts.get(i) == 1);
            }
          } else {
            // One that cannot be written must not take the others with it.
            group.forEach(append -> alone(append).onComplete(append.written));
          }
        });
  }
}
