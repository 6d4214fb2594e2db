package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;

/**
 * Appends of different sessions, committed together when they come faster than the database takes them one by one. An append that finds
 * nobody before it is written at once.
 */
final class SqlAppends {

  /** Appends in one commit. */
  private static final int LARGEST_GROUP = 128;

  /** Appends in one statement: 8 MiB at most, of which the server takes twice as much in a packet. */
  private static final int LARGEST_STATEMENT = 32;

  /** The owner's transcript if it ends where the append begins. */
  private static final String FROM = """
      FROM session s JOIN content c ON c.session_key = s.session_key AND c.kind = 'transcript' AND c.name = ?
      WHERE s.id = ? AND s.owner = ? AND ? = coalesce(
        (SELECT k.end_at FROM chunk k WHERE k.content_key = c.content_key ORDER BY k.start_at DESC LIMIT 1), 0)""";

  private static final String INSERT = "INSERT INTO chunk (content_key, start_at, end_at, bytes)\n";

  /**
   * Nothing is written unless the epoch owns the session and the transcript ends where the append begins. To be followed by {@link
   * SqlDialect#forUpdate()}: a new owner either waits for the append and reads it, or has come before it.
   */
  static final String APPEND = INSERT + "SELECT c.content_key, ?, ?, ?\n" + FROM;

  private record Append(String sessionId, String epoch, String name, long offset, Buffer bytes, Promise<Boolean> written) {

    /** Of {@link #FROM} after those of the chunk, or before them. */
    void addTo(Tuple parameters, boolean chunkFirst) {
      if (chunkFirst) {
        addChunk(parameters);
      }
      parameters.addString(name).addString(sessionId).addString(epoch).addLong(offset);
      if (!chunkFirst) {
        addChunk(parameters);
      }
    }

    private void addChunk(Tuple parameters) {
      parameters.addLong(offset).addLong(offset + bytes.length()).addBuffer(bytes);
    }
  }

  private final SqlDatabase database;
  private final SqlDialect.Grouping manner;
  private final String append;
  private final String row;
  private final Queue<Append> waiting = new ArrayDeque<>();
  private boolean writing;

  SqlAppends(SqlDatabase database) {
    this.database = database;
    this.manner = database.dialect().appends();
    this.append = APPEND + database.dialect().forUpdate();
    this.row = "((SELECT content_key FROM (SELECT c.content_key\n" + FROM + " LIMIT 1) found), ?, ?, ?)";
  }

  /**
   * Appends one chunk to a transcript that is there.
   *
   * @return false if it was not written, because the transcript, its length or its owner is another
   */
  Future<Boolean> append(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    Append one = new Append(sessionId, epoch, name, offset, bytes, Promise.promise());
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
      int size = groupSize();
      while (group.size() < size) {
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

  /** Statements are prepared, each for a number of appends: so of few numbers only. */
  private int groupSize() {
    return manner == SqlDialect.Grouping.STATEMENT
        ? Math.min(LARGEST_STATEMENT, Integer.highestOneBit(waiting.size()))
        : Math.min(LARGEST_GROUP, waiting.size());
  }

  private Future<Boolean> alone(Append one) {
    return (manner == SqlDialect.Grouping.STATEMENT ? inOneStatement(List.of(one)) : database.write(append, parameters(one)).map(RowSet::rowCount))
        .map(count -> count == 1)
        // Another append of these bytes, or the end of the transcript, came in between.
        .recover(failure -> failure instanceof PersistenceException refused && refused.kind() == Kind.CONFLICT
            ? Future.succeededFuture(false)
            : Future.failedFuture(failure));
  }

  private void together(List<Append> group) {
    Future<List<Integer>> counts = switch (manner) {
      case BATCH -> database.writeBatch(append, parameters(group));
      case TRANSACTION -> database.transaction(transaction -> transaction.executeBatch(append, parameters(group)))
          .map(database.dialect()::batchCounts);
      case STATEMENT -> inOneStatement(group).map(all -> Collections.nCopies(group.size(), 1));
    };
    counts.onComplete(outcome -> {
      writeNext();
      if (outcome.succeeded()) {
        for (int i = 0; i < group.size(); i++) {
          group.get(i).written.complete(outcome.result().get(i) == 1);
        }
      } else if (!SqlDatabase.wasUndone(outcome.cause())) {
        group.forEach(one -> one.written.fail(outcome.cause()));
      } else {
        // One that cannot be written must not take the others with it.
        group.forEach(one -> alone(one).onComplete(one.written));
      }
    });
  }

  private static Tuple parameters(Append one) {
    Tuple parameters = Tuple.tuple();
    one.addTo(parameters, true);
    return parameters;
  }

  private static List<Tuple> parameters(List<Append> group) {
    return group.stream().map(SqlAppends::parameters).toList();
  }

  /** @return how many were written: all, or it fails with {@code CONFLICT} */
  private Future<Integer> inOneStatement(List<Append> group) {
    Tuple parameters = Tuple.tuple();
    group.forEach(one -> one.addTo(parameters, false));
    return database.write(values(group.size()), parameters).map(RowSet::rowCount);
  }

  /**
   * Rows of values rather than a {@code SELECT}: MariaDB forces its log to the disk after each {@code INSERT … SELECT}, committed or not.
   * Where there is no such transcript its key is null, which is refused. The key is looked up within a table of the moment, as the table
   * that is written to may not be read otherwise, and the {@code LIMIT} keeps that from being merged away. InnoDB locks by itself what is
   * read for rows of values: a new owner waits, or is waited for.
   */
  private String values(int rows) {
    return INSERT + "VALUES " + String.join(",\n", Collections.nCopies(rows, row));
  }
}
