package dev.agentruntime.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import dev.agentruntime.protocol.ApiException.Detail;
import dev.agentruntime.protocol.SchemaSentences;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.commons.text.similarity.LevenshteinDistance;

/** Says what is wrong with a profile's document, in sentences. The schema is {@code agent-profile.schema.json}. */
final class ProfileSchema {

  private static final LevenshteinDistance DISTANCE = LevenshteinDistance.getDefaultInstance();
  private static final List<String> LISTS_OF_NAMED = List.of("skills", "subagents", "commands", "bundledMCPs", "externalMCPs");
  private static final JsonSchema SCHEMA = read();

  private ProfileSchema() {}

  /** Each with a JSON pointer into the document; empty if nothing is wrong. */
  static List<Detail> problems(JsonNode document) {
    List<Detail> problems = new ArrayList<>();
    for (ValidationMessage message : SCHEMA.validate(document)) {
      problems.add(new Detail(message.getInstanceLocation().toString(), sentence(message)));
    }
    if (problems.isEmpty()) {
      LISTS_OF_NAMED.forEach(list -> uniqueNames(list, document.path(list), problems));
    }
    return problems;
  }

  private static String sentence(ValidationMessage message) {
    return switch (message.getType()) {
      case "additionalProperties" -> "\"" + message.getProperty() + "\" is not a field" + suggestion(message);
      case "required" -> "\"" + message.getProperty() + "\" is missing";
      case "propertyNames" -> "\"" + message.getProperty() + "\" is not " + description(message, "");
      case "pattern" -> "is not " + description(message, "/pattern");
      case "false" -> "does not go with this type of server";
      default -> SchemaSentences.predicate(message);
    };
  }

  private static String description(ValidationMessage message, String keyword) {
    return schemaAt(message, keyword).path("description").asText("what is allowed here");
  }

  private static String suggestion(ValidationMessage message) {
    Collection<String> known = new ArrayList<>();
    schemaAt(message, "/additionalProperties").path("properties").fieldNames().forEachRemaining(known::add);
    String word = message.getProperty();
    return known.stream()
        .min(Comparator.comparingInt(name -> distance(word, name)))
        .filter(name -> distance(word, name) <= Math.max(2, word.length() / 3))
        .map(name -> "; did you mean " + name + "?")
        .orElse("");
  }

  private static int distance(String word, String name) {
    return DISTANCE.apply(word.toLowerCase(Locale.ROOT), name.toLowerCase(Locale.ROOT));
  }

  /** The part of the schema that refused, without the keyword that did. */
  private static JsonNode schemaAt(ValidationMessage message, String keyword) {
    String pointer = message.getSchemaLocation().getFragment().toString();
    return SCHEMA.getSchemaNode().at(pointer.endsWith(keyword) ? pointer.substring(0, pointer.length() - keyword.length()) : pointer);
  }

  private static void uniqueNames(String field, JsonNode list, List<Detail> problems) {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < list.size(); i++) {
      String name = list.get(i).path("name").asText();
      if (!seen.add(name.toLowerCase(Locale.ROOT))) {
        problems.add(new Detail("/" + field + "/" + i + "/name", "\"" + name + "\" is there twice"));
      }
    }
  }

  private static JsonSchema read() {
    try (InputStream in = ProfileSchema.class.getResourceAsStream("/agent-profile.schema.json")) {
      return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
          .getSchema(in, SchemaSentences.config());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
