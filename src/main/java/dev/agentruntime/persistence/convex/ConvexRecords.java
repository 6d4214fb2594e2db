package dev.agentruntime.persistence.convex;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.protocol.Json;

/**
 * Records and profiles as arguments and answers of the functions. JSON of users goes as text: Convex has no field names with a {@code $}
 * at their start or of other characters than ASCII's.
 */
final class ConvexRecords {

  /** A function's arguments, and what a transaction reads or writes, may be 8 MiB in the versions of Convex that people host themselves. */
  private static final int MOST_TEXT_BYTES = 6 * 1024 * 1024;

  private ConvexRecords() {}

  static ObjectNode arguments(SessionRecord record) {
    ObjectNode facts = Json.object();
    facts.set("sessionOptions", record.sessionOptions());
    facts.set("metadata", record.metadata());
    facts.set("recovery", record.recovery());
    ObjectNode arguments = Json.object()
        .put("sessionId", record.sessionId())
        .put("type", record.type())
        .put("profile", record.agentProfileReference())
        .put("name", record.name())
        .put("facts", text(facts))
        .put("recoverable", record.recovery() != null);
    arguments.set("createdAt", ConvexValues.integer(record.createdAt()));
    arguments.set("lastActivity", ConvexValues.integer(record.lastActivity()));
    return arguments;
  }

  static SessionRecord toRecord(JsonNode json) {
    ObjectNode facts = object(json.path("facts"));
    return new SessionRecord(
        json.path("sessionId").textValue(),
        json.path("type").textValue(),
        json.path("profile").textValue(),
        json.path("name").textValue(),
        ConvexValues.integer(json.path("createdAt")),
        ConvexValues.integer(json.path("lastActivity")),
        (ObjectNode) facts.get("sessionOptions"),
        facts.get("metadata") instanceof ObjectNode metadata ? metadata : null,
        facts.get("recovery") instanceof ObjectNode recovery ? recovery : null);
  }

  /** Without the version that is expected to be there. */
  static ObjectNode arguments(StoredProfile profile) {
    return Json.object()
        .put("profileId", profile.id())
        .put("version", profile.version())
        .put("document", text(profile.document()));
  }

  static StoredProfile toProfile(JsonNode json) {
    return new StoredProfile(json.path("profileId").textValue(), json.path("version").textValue(), object(json.path("document")));
  }

  private static String text(ObjectNode tree) {
    String text = Json.text(tree);
    if (text.length() > MOST_TEXT_BYTES / 3 && Json.bytes(tree).length > MOST_TEXT_BYTES) {
      throw new PersistenceException(Kind.INVALID, "more than 6 MiB of JSON in one record or profile is too much for the store");
    }
    return text;
  }

  private static ObjectNode object(JsonNode text) {
    try {
      if (Json.tree(text.asText()) instanceof ObjectNode object) {
        return object;
      }
    } catch (JsonProcessingException e) {
      // said below, without the data
    }
    throw new PersistenceException(Kind.UNAVAILABLE, "the store holds JSON that is damaged");
  }
}
