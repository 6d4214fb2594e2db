package dev.agentruntime.persistence.sql;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.Json;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;

/** Records as rows of the table {@code session}. */
final class SessionRows {

  /** The columns in the order of {@link #toRecord} and {@link #parameters}. */
  static final String COLUMNS = "id, type, profile, name, created_at, last_activity, options, metadata, recovery";

  private SessionRows() {}

  static SessionRecord toRecord(Row row) {
    return new SessionRecord(row.getString(0), row.getString(1), row.getString(2), row.getString(3), row.getLong(4), row.getLong(5),
        object(row.getString(6)), object(row.getString(7)), object(row.getString(8)));
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

  static ObjectNode object(String json) {
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
