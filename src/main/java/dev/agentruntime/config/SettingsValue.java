package dev.agentruntime.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Makes what was written into what a {@link Settings} record holds. A refusal is an {@link IllegalArgumentException} for people. */
final class SettingsValue {

  private SettingsValue() {}

  /** From the text of a variable. */
  static Object of(SettingsKey key, String text) {
    if (key.isList()) {
      return Arrays.stream(text.split(",")).map(String::strip).filter(part -> !part.isEmpty())
          .map(part -> convert(key.elementType(), part)).toList();
    }
    return convert(key.component().getType(), text.strip());
  }

  /** From a file, where the JSON type has to be right as well. */
  static Object of(SettingsKey key, JsonNode node) {
    if (key.isList()) {
      List<Object> list = new ArrayList<>();
      require(node.isArray(), "must be a list");
      for (JsonNode element : node) {
        require(element.isTextual(), "must be a list of strings");
        list.add(convert(key.elementType(), element.textValue()));
      }
      return list;
    }
    Class<?> type = key.component().getType();
    boolean fits = type == int.class || type == long.class ? node.isIntegralNumber()
        : type == boolean.class ? node.isBoolean()
        : node.isTextual();
    require(fits, "must be " + word(type) + ", is " + shortened(node.toString()));
    return convert(type, node.asText());
  }

  private static Object convert(Class<?> type, String text) {
    try {
      if (type == int.class) {
        return Integer.valueOf(text);
      }
      if (type == long.class) {
        return Long.valueOf(text);
      }
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("must be " + word(type) + ", is " + shortened(text));
    }
    if (type == boolean.class) {
      require(text.equals("true") || text.equals("false"), "must be true or false, is " + shortened(text));
      return Boolean.valueOf(text);
    }
    if (type == Path.class) {
      return path(text);
    }
    if (type == StoreUrl.class) {
      return StoreUrl.parse(text);
    }
    return type == Secret.class ? new Secret(text) : text;
  }

  /** Empty is no path at all. */
  private static Path path(String text) {
    try {
      return text.isEmpty() ? null : Path.of(text);
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException("is not a path");
    }
  }

  private static String word(Class<?> type) {
    return type == int.class ? "a whole number up to " + Integer.MAX_VALUE
        : type == long.class ? "a whole number"
        : type == boolean.class ? "true or false"
        : "a string";
  }

  private static String shortened(String text) {
    return text.length() <= 40 ? text : text.substring(0, 40) + "…";
  }

  private static void require(boolean good, String otherwise) {
    if (!good) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
