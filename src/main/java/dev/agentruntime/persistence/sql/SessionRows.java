package dev.agentruntime.persistence.sql;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.Json;
import io.vertx.core.buffer.Buffer;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import io.vertx.sqlclient.Tuple;
import java.util.Optional;

/** Records as rows of the table {@code session}, and columns as what they hold. */
final class SessionRows {

  /** The columns in the order of {@link #toRecord} and {@link #parameters}. */
  static final String COLUMNS = "id, type, profile, name, created_at, last_activity, options, metadata, recovery";

  private SessionRows() {}

  static SessionRecord toRecord(SqlDialect dialect, Row row) {
    return new SessionRecord(text(dialect, row, 0), text(dialect, row, 1), text(dialect, row, 2), text(dialect, row, 3), row.getLong(4),
        row.getLong(5), object(dialect, row, 6), object(dialect, row, 7), object(dialect, row, 8));
  }

  static Optional<SessionRecord> first(SqlDialect dialect, RowSet<Row> rows) {
    return rows.size() == 0 ? Optional.empty() : Optional.of(toRecord(dialect, rows.iterator().next()));
  }

  static String text(SqlDialect dialect, Row row, int column) {
    return dialect.text(row.getValue(column));
  }

  static Buffer bytes(Row row, int column) {
    return row.getValue(column) instanceof byte[] bytes ? Buffer.buffer(bytes) : row.getBuffer(column);
  }

  static Tuple parameters(SessionRecord record) {
    return Tuple.tuple()
        .addValue(record.sessionId())
        .addValue(record.type())
        .addValue(record.agentProfileReference())
        .addValue(record.name())
        .addValue(record.createdAt())
        .addValue(record.lastActivity())
        .addValue(text(record.sessionOptions()))
        .addValue(text(record.metadata()))
        .addValue(text(record.recovery()));
  }

  static ObjectNode object(SqlDialect dialect, Row row, int column) {
    String json = text(dialect, row, column);
    if (json == null) {
      return null;
    }
    try {
      if (Json.tree(json) instanceof ObjectNode object) {
        return object;
      }
    } catch (JsonProcessingException e) {
      // said below, without the data
    }
    throw new PersistenceException(Kind.UNAVAILABLE, "the store holds JSON that is damaged");
  }

  private static String text(ObjectNode tree) {
    return tree == null ? null : Json.text(tree);
  }
}
