package dev.agentruntime.config;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.agentruntime.config.InvalidSettingsException.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Reads the settings: the defaults of {@code conf/agent-runtime.json}, over them the file that {@code AGENT_RUNTIME_CONFIG} names, over that
 * the environment.
 *
 * <p>The variable of a setting is {@code AGENT_RUNTIME_} and its path in upper snake case; the sections {@code anthropic},
 * {@code convex} and {@code modal} go without the prefix. Lists are separated by commas. An empty variable counts as not set.
 */
public final class SettingsLoader {

  /** The defaults, on the class path. */
  static final String DEFAULTS = "/conf/agent-runtime.json";

  private static final JsonMapper JSON = JsonMapper.builder()
      .enable(JsonReadFeature.ALLOW_JAVA_COMMENTS, JsonReadFeature.ALLOW_TRAILING_COMMA)
      .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
      .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
      .build();

  private final Map<String, SettingsKey> keys =
      SettingsKey.all().stream().collect(Collectors.toMap(SettingsKey::path, key -> key));
  private final Map<String, Object> defaults = new HashMap<>();
  private final Map<String, Object> values = new HashMap<>();
  /** Where each value that is not a default was given. */
  private final Map<String, String> places = new HashMap<>();
  private final List<Problem> problems = new ArrayList<>();

  private SettingsLoader() {}

  /**
   * @param environment the process' environment, or a test's own
   * @throws InvalidSettingsException with every mistake there is
   */
  public static Settings load(Map<String, String> environment) {
    return new SettingsLoader().read(environment);
  }

  /** The settings' values as they come with the program, comments and all. */
  static JsonNode defaults() {
    try (InputStream in = SettingsLoader.class.getResourceAsStream(DEFAULTS)) {
      return JSON.readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Settings read(Map<String, String> environment) {
    file("agent-runtime.json", "", defaults());
    defaults.putAll(values);
    places.clear();
    String other = environment.getOrDefault(SettingsKey.CONFIG, "");
    if (!other.isEmpty()) {
      otherFile(other);
    }
    environment(environment);
    Settings settings = (Settings) section("", Settings.class, values);
    if (!problems.isEmpty()) {
      throw new InvalidSettingsException(problems);
    }
    return settings;
  }

  private void otherFile(String name) {
    try {
      JsonNode root = JSON.readTree(Files.readString(Path.of(name)));
      if (root.isObject()) {
        file(name, "", root);
      } else {
        problem(name, "must hold one JSON object");
      }
    } catch (JsonProcessingException e) {
      problem(name + (e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr()), "is not JSON: "
          + e.getOriginalMessage().replaceFirst(" \\(start marker at .*", ""));
    } catch (NoSuchFileException | InvalidPathException e) {
      problem(SettingsKey.CONFIG, "there is no file " + name);
    } catch (CharacterCodingException e) {
      problem(name, "is not text in UTF-8");
    } catch (IOException e) {
      problem(SettingsKey.CONFIG, "cannot read the file " + name + " (" + e.getClass().getSimpleName() + ")");
    }
  }

  private void file(String file, String prefix, JsonNode object) {
    for (Map.Entry<String, JsonNode> field : object.properties()) {
      String path = prefix + field.getKey();
      String place = file + ", " + path;
      SettingsKey key = keys.get(path);
      if (key != null && key.secret()) {
        problem(place, "is a secret and is taken from the environment only: set " + key.variable());
      } else if (key != null) {
        accept(key, place, field.getValue());
      } else if (!sections().contains(path)) {
        problem(place, "is not a setting" + NearestName.suggestion(path, keysAndSections()));
      } else if (field.getValue().isObject()) {
        file(file, path + ".", field.getValue());
      } else {
        problem(place, "must be an object");
      }
    }
  }

  private void environment(Map<String, String> environment) {
    Map<String, SettingsKey> byVariable = keys.values().stream().collect(Collectors.toMap(SettingsKey::variable, key -> key));
    for (String variable : new TreeSet<>(environment.keySet())) {
      SettingsKey key = byVariable.get(variable);
      String text = environment.get(variable);
      if (key != null) {
        if (!text.isEmpty()) {
          accept(key, variable, text);
        }
      } else if (variable.startsWith(SettingsKey.PREFIX) && !variable.equals(SettingsKey.CONFIG)) {
        problem(variable, "is not the variable of a setting" + suggestVariable(variable, byVariable));
      }
    }
  }

  private static String suggestVariable(String variable, Map<String, SettingsKey> byVariable) {
    String vendors = variable.substring(SettingsKey.PREFIX.length());
    return byVariable.containsKey(vendors) ? "; did you mean " + vendors + "?" : NearestName.suggestion(variable, byVariable.keySet());
  }

  /** @param given a {@link JsonNode} of a file, or the text of a variable */
  private void accept(SettingsKey key, String place, Object given) {
    try {
      boolean inFile = given instanceof JsonNode;
      Object value = inFile ? SettingsValue.of(key, (JsonNode) given) : SettingsValue.of(key, (String) given);
      if (inFile && value instanceof StoreUrl url && url.holdsSecret()) {
        throw new IllegalArgumentException("has a password, which is taken from the environment only: set " + key.variable()
            + ", or leave it out and set " + keys.get("storePassword").variable());
      }
      values.put(key.path(), value);
      places.put(key.path(), place);
    } catch (IllegalArgumentException e) {
      problem(place, e.getMessage());
    }
  }

  /** Makes a record of its values; one that refuses them is made of the defaults, so that the rest is checked too. */
  private Record section(String prefix, Class<?> type, Map<String, Object> from) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] arguments = new Object[components.length];
    Class<?>[] types = new Class<?>[components.length];
    for (int i = 0; i < components.length; i++) {
      String path = prefix + components[i].getName();
      types[i] = components[i].getType();
      arguments[i] = SettingsKey.isSection(components[i]) ? section(path + ".", types[i], from) : from.get(path);
    }
    try {
      return (Record) type.getDeclaredConstructor(types).newInstance(arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof InvalidSettingsException invalid && from != defaults) {
        invalid.problems().forEach(problem -> problem(place(prefix + problem.place()), problem.message()));
        return section(prefix, type, defaults);
      }
      throw new IllegalStateException("The defaults of " + type.getSimpleName() + " are refused", e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private String place(String path) {
    return places.getOrDefault(path, path);
  }

  private TreeSet<String> sections() {
    return keys.keySet().stream().filter(path -> path.contains(".")).map(path -> path.substring(0, path.lastIndexOf('.')))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private List<String> keysAndSections() {
    return Stream.concat(keys.keySet().stream(), sections().stream()).toList();
  }

  private void problem(String place, String message) {
    problems.add(new Problem(place, message));
  }
}
