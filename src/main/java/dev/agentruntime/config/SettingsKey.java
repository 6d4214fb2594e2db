package dev.agentruntime.config;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * One setting, as the {@link Settings} records declare it.
 *
 * @param path its place in the file: {@code limits.requestBytes}
 * @param component the record component that holds it
 */
record SettingsKey(String path, RecordComponent component) {

  static final String PREFIX = "AGENT_RUNTIME_";

  /** Names another file; the one variable with this prefix that is not a setting. */
  static final String CONFIG = PREFIX + "CONFIG";

  /** Sections that are named after a vendor, whose variables have the vendor's own names. */
  private static final Set<String> VENDORS = Set.of("anthropic", "convex", "modal");

  static List<SettingsKey> all() {
    List<SettingsKey> keys = new ArrayList<>();
    collect("", Settings.class, keys);
    return List.copyOf(keys);
  }

  private static void collect(String prefix, Class<?> section, List<SettingsKey> keys) {
    for (RecordComponent component : section.getRecordComponents()) {
      if (isSection(component)) {
        collect(prefix + component.getName() + ".", component.getType(), keys);
      } else {
        keys.add(new SettingsKey(prefix + component.getName(), component));
      }
    }
  }

  static boolean isSection(RecordComponent component) {
    return component.getType().isRecord() && component.getType() != Secret.class;
  }

  /** The one rule for the name of a setting's variable. */
  String variable() {
    String name = path.replaceAll("([a-z0-9])([A-Z])", "$1_$2").replace('.', '_').toUpperCase(Locale.ROOT);
    int dot = path.indexOf('.');
    return dot > 0 && VENDORS.contains(path.substring(0, dot)) ? name : PREFIX + name;
  }

  /** A secret is taken from the environment only. */
  boolean secret() {
    return isList() ? elementType() == Secret.class : component.getType() == Secret.class;
  }

  boolean isList() {
    return component.getType() == List.class;
  }

  Class<?> elementType() {
    Type type = ((ParameterizedType) component.getGenericType()).getActualTypeArguments()[0];
    return (Class<?>) type;
  }
}
