package dev.agentruntime.agent;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException.Detail;
import dev.agentruntime.protocol.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Reads agent profiles: JSON documents (comments allowed in files) of {@code agent-profile.schema.json}, whose id is the name of the file.
 *
 * <p>Secrets need not stand in a profile: {@code ${NAME}} in a value of {@code environmentVariables}, {@code env} or {@code headers} is
 * taken from the server's environment, and {@code $${NAME}} is the text <code>${NAME}</code>. Blocks; for the start of the server.
 */
public final class ProfileLoader {

  private static final String BUNDLED = "/conf/profiles";
  private static final String SUFFIX = ".json";
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final Pattern REFERENCE = Pattern.compile("\\$(\\$?)\\{([A-Za-z_][A-Za-z0-9_]*)}");

  private static final JsonMapper JSON = JsonMapper.builder()
      .enable(JsonReadFeature.ALLOW_JAVA_COMMENTS)
      .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
      .build();

  private ProfileLoader() {}

  /**
   * @param directory {@code null} for the profiles that come with the program
   * @param environment the server's
   * @return profiles by id, in the order of their ids
   * @throws InvalidProfileException with every mistake in every file, or if the directory cannot be read
   */
  public static Map<String, AgentProfile> load(Path directory, Map<String, String> environment) {
    try {
      return directory == null ? bundled(environment) : read(directory, environment);
    } catch (IOException | UncheckedIOException e) {
      throw new InvalidProfileException(List.of(
          new Detail(String.valueOf(directory), "cannot be read (" + e.getClass().getSimpleName() + ")")));
    }
  }

  /**
   * Reads a profile of the store.
   *
   * @param environment what <code>${NAME}</code> may refer to
   * @throws InvalidProfileException with every mistake in the document, each with its JSON pointer
   */
  public static AgentProfile parse(String id, ObjectNode document, Map<String, String> environment) {
    List<Detail> problems = new ArrayList<>();
    AgentProfile profile = parse(id, "", document, environment, problems);
    if (profile == null) {
      throw new InvalidProfileException(problems);
    }
    return profile;
  }

  private static Map<String, AgentProfile> bundled(Map<String, String> environment) throws IOException {
    URL url = ProfileLoader.class.getResource(BUNDLED);
    if (url.openConnection() instanceof JarURLConnection connection) {
      try (FileSystem jar = FileSystems.newFileSystem(Path.of(connection.getJarFileURL().toURI()))) {
        return read(jar.getPath(BUNDLED), environment);
      } catch (URISyntaxException e) {
        throw new IOException(e);
      }
    }
    try {
      return read(Path.of(url.toURI()), environment);
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  private static Map<String, AgentProfile> read(Path directory, Map<String, String> environment) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(directory)) {
      files = all.filter(file -> file.getFileName().toString().endsWith(SUFFIX)).sorted().toList();
    }
    List<Detail> problems = new ArrayList<>();
    Map<String, AgentProfile> profiles = new LinkedHashMap<>();
    for (Path file : files) {
      String name = file.getFileName().toString();
      JsonNode document = document(file, name, problems);
      if (document != null) {
        String id = name.substring(0, name.length() - SUFFIX.length());
        profiles.put(id, parse(id, name, document, environment, problems));
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidProfileException(problems);
    }
    return Collections.unmodifiableMap(profiles);
  }

  private static JsonNode document(Path file, String name, List<Detail> problems) {
    try {
      return JSON.readTree(Files.readString(file));
    } catch (JsonProcessingException e) {
      String line = e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
      problems.add(new Detail(name + line, "is not JSON: " + e.getOriginalMessage().replaceFirst(" \\(start marker at .*", "")));
    } catch (IOException e) {
      problems.add(new Detail(name, "cannot be read (" + e.getClass().getSimpleName() + ")"));
    }
    return null;
  }

  /** @return {@code null} if there are problems, which are added */
  private static AgentProfile parse(String id, String place, JsonNode document, Map<String, String> environment, List<Detail> problems) {
    int before = problems.size();
    if (!ID.matcher(id).matches()) {
      problems.add(new Detail(place, "is not a profile's id: up to 128 letters, digits and . _ -, beginning with a letter or digit"));
    }
    for (Detail problem : ProfileSchema.problems(document)) {
      problems.add(new Detail((place + " " + problem.path()).strip(), problem.message()));
    }
    if (problems.size() > before) {
      return null;
    }
    ObjectNode resolved = document.deepCopy();
    checkBase64(resolved, place + " ", problems);
    SecretFields.replace(resolved, field -> fill(field.text(), (place + " " + field.pointer()).strip(), environment, problems));
    if (problems.size() > before) {
      return null;
    }
    resolved.remove("$schema");
    return Json.to(resolved.put("id", id), AgentProfile.class);
  }

  /** What a schema cannot say. */
  private static void checkBase64(JsonNode node, String path, List<Detail> problems) {
    if (node.path("encoding").asText().equals("base64")) {
      try {
        Base64.getDecoder().decode(node.path("content").asText());
      } catch (IllegalArgumentException e) {
        problems.add(new Detail((path + "/content").strip(), "is not Base64"));
      }
    }
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      if (!path.endsWith(" ") || !field.getKey().equals("sessionOptions")) {
        checkBase64(field.getValue(), path + "/" + field.getKey(), problems);
      }
    }
    for (int i = 0; node.isArray() && i < node.size(); i++) {
      checkBase64(node.get(i), path + "/" + i, problems);
    }
  }

  private static String fill(String text, String path, Map<String, String> environment, List<Detail> problems) {
    return REFERENCE.matcher(text).replaceAll(reference -> {
      String name = reference.group(2);
      if (!reference.group(1).isEmpty()) {
        return Matcher.quoteReplacement("${" + name + "}");
      }
      String value = environment.get(name);
      if (value == null) {
        problems.add(new Detail(path, "refers to " + name + ", which is not set in the server's environment, or not allowed by the setting profileVariables"));
        return "";
      }
      return Matcher.quoteReplacement(value);
    });
  }
}
