package dev.agentruntime.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException.Detail;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * The fields of a profile that may hold secrets: the values of {@code environmentVariables}, {@code env} and {@code headers}. Whoever asks
 * for a profile sees {@link #HIDDEN} in their place, unless the value is just a reference to the server's environment; whoever sends such a
 * profile back leaves them as they are.
 */
public final class SecretFields {

  /** Stands for a value that is not shown. */
  public static final String HIDDEN = "********";

  private static final List<String> MAPS = List.of("environmentVariables", "env", "headers");
  private static final String OPTIONS = "sessionOptions";
  private static final Pattern REFERENCE = Pattern.compile("([A-Za-z]+ )?\\$\\{[A-Za-z_][A-Za-z0-9_]*}");

  /**
   * @param pointer JSON pointer into the document
   * @param key the same with names in place of the indexes of what has a name, so that it stays when a list is sorted otherwise
   */
  record Field(String pointer, String key, String text) {}

  private SecretFields() {}

  /** A copy of a valid profile to be shown. */
  public static ObjectNode hide(ObjectNode document) {
    ObjectNode shown = document.deepCopy();
    replace(shown, field -> REFERENCE.matcher(field.text()).matches() ? field.text() : HIDDEN);
    return shown;
  }

  /**
   * A copy of what a client sent, with the values that it was not shown.
   *
   * @param document valid
   * @param stored what the client was shown a copy of, or {@code null}
   * @throws InvalidProfileException if a value stands for another that there is none of
   */
  public static ObjectNode restore(ObjectNode document, ObjectNode stored) {
    Map<String, String> values = new HashMap<>();
    if (stored != null) {
      replace(stored.deepCopy(), field -> {
        values.put(field.key(), field.text());
        return field.text();
      });
    }
    List<Detail> problems = new ArrayList<>();
    ObjectNode restored = document.deepCopy();
    replace(restored, field -> {
      if (field.text().equals(HIDDEN) && !values.containsKey(field.key())) {
        problems.add(new Detail(field.pointer(), "stands for a stored value, and there is none"));
      }
      return field.text().equals(HIDDEN) ? values.get(field.key()) : field.text();
    });
    if (!problems.isEmpty()) {
      throw new InvalidProfileException(problems);
    }
    return restored;
  }

  /** Puts something else in the place of every such value. */
  static void replace(ObjectNode document, Function<Field, String> replacement) {
    document.properties().forEach(field -> {
      if (!field.getKey().equals(OPTIONS)) {
        replace(field.getKey(), field.getValue(), "/" + field.getKey(), "/" + field.getKey(), replacement);
      }
    });
  }

  private static void replace(String name, JsonNode node, String pointer, String key, Function<Field, String> replacement) {
    if (MAPS.contains(name) && node instanceof ObjectNode map) {
      map.properties().forEach(entry -> map.put(entry.getKey(), replacement.apply(
          new Field(pointer + "/" + entry.getKey(), key + "/" + entry.getKey(), entry.getValue().asText()))));
      return;
    }
    node.properties().forEach(field -> replace(field.getKey(), field.getValue(), pointer + "/" + field.getKey(),
        key + "/" + field.getKey(), replacement));
    for (int i = 0; node.isArray() && i < node.size(); i++) {
      replace("", node.get(i), pointer + "/" + i, key + "/" + node.get(i).path("name").asText(String.valueOf(i)), replacement);
    }
  }
}
