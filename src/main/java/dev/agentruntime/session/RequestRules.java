package dev.agentruntime.session;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.CreateSession.InitialFile;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SendMessage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What a request may say, whoever asks: REST checks against its schemas before, siblings on the event bus and callers in Java come here at
 * once. Everything that is wrong is told, each thing with its place in the JSON of the request. The bounds are those of the API document.
 */
final class RequestRules {

  private static final Pattern UUID = Pattern.compile("[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}");
  private static final Set<String> IMAGE_TYPES = Set.of("image/png", "image/jpeg", "image/gif", "image/webp");
  private static final int MAX_REFERENCE = 200;
  private static final int MAX_ARCHITECTURE = 100;
  private static final int MAX_NAME = 200;
  private static final int MAX_FIELDS = 256;
  /** What is nearly as deep as a reader takes could not be read back any more once it is part of a larger answer. */
  private static final int MAX_DEPTH = 100;
  private static final int MAX_FILES = 1_000;
  private static final int MAX_PATH = 4_096;
  private static final int MAX_PARTS = 200;
  private static final int MAX_PAGE = 200;
  private static final int MAX_CURSOR = 500;
  private static final int MAX_DETAILS = 20;

  private final List<ApiException.Detail> wrong = new ArrayList<>();

  private RequestRules() {}

  static void check(CreateSession request) {
    RequestRules rules = new RequestRules();
    rules.required("/agentProfileRef", request.agentProfileRef(), MAX_REFERENCE);
    rules.optional("/architecture", request.architecture(), 1, MAX_ARCHITECTURE);
    rules.object("/sessionOptions", request.sessionOptions());
    rules.optional("/name", request.name(), 0, MAX_NAME);
    rules.object("/metadata", request.metadata());
    List<InitialFile> files = request.defaultWorkspaceFiles() == null ? List.of() : request.defaultWorkspaceFiles();
    rules.that(files.size() <= MAX_FILES, "/defaultWorkspaceFiles", "has more than " + MAX_FILES + " files");
    for (int i = 0; i < files.size(); i++) {
      String path = "/defaultWorkspaceFiles/" + i;
      if (files.get(i) == null) {
        rules.that(false, path, "is not a file");
      } else {
        rules.required(path + "/path", files.get(i).path(), MAX_PATH);
        rules.required(path + "/content", files.get(i).content() == null ? null : "there", MAX_PATH);
        rules.wellFormed(path + "/content", files.get(i).content());
      }
    }
    rules.done();
  }

  static void check(SendMessage message) {
    RequestRules rules = new RequestRules();
    rules.that(message.messageId() == null || UUID.matcher(message.messageId()).matches(), "/messageId", "is not a UUID");
    if (message.content() == null) {
      rules.that(false, "/content", "is missing");
    } else {
      rules.content(message.content().json());
    }
    rules.done();
  }

  /** @param name {@code null} if it is not to change; the same goes for {@code metadata} */
  static void checkPatch(String name, ObjectNode metadata) {
    RequestRules rules = new RequestRules();
    rules.that(name != null || metadata != null, "", "says nothing to change");
    rules.optional("/name", name, 0, MAX_NAME);
    rules.object("/metadata", metadata);
    rules.done();
  }

  static void checkOptions(ObjectNode options) {
    RequestRules rules = new RequestRules();
    rules.that(options != null, "/sessionOptions", "is missing");
    rules.object("/sessionOptions", options);
    rules.done();
  }

  static void checkPage(int limit, String after) {
    RequestRules rules = new RequestRules();
    rules.that(limit >= 1 && limit <= MAX_PAGE, "/limit", "is not between 1 and " + MAX_PAGE);
    rules.optional("/after", after, 1, MAX_CURSOR);
    rules.done();
  }

  private void content(JsonNode content) {
    if (content.isTextual()) {
      required("/content", content.textValue(), Integer.MAX_VALUE);
      return;
    }
    that(!content.isEmpty(), "/content", "is empty");
    that(content.size() <= MAX_PARTS, "/content", "has more than " + MAX_PARTS + " parts");
    for (int i = 0; i < content.size(); i++) {
      part("/content/" + i, content.get(i));
    }
  }

  private void part(String path, JsonNode part) {
    switch (part.path("type").asText()) {
      case "text" -> {
        only(path, part, Set.of("type", "text"));
        required(path + "/text", part.path("text").textValue(), Integer.MAX_VALUE);
      }
      case "image" -> {
        only(path, part, Set.of("type", "source"));
        JsonNode source = part.path("source");
        only(path + "/source", source, Set.of("type", "media_type", "data"));
        that(source.path("type").asText().equals("base64"), path + "/source/type", "is not \"base64\"");
        that(IMAGE_TYPES.contains(source.path("media_type").asText()), path + "/source/media_type", "is not one of " + IMAGE_TYPES);
        that(isBase64(source.path("data").asText()), path + "/source/data", "is not Base64");
      }
      default -> that(false, path + "/type", "is not \"text\" or \"image\"");
    }
  }

  private void only(String path, JsonNode object, Set<String> fields) {
    object.fieldNames().forEachRemaining(name -> that(fields.contains(name), path + "/" + escaped(name), "is not a known field"));
  }

  private static boolean isBase64(String text) {
    try {
      return !text.isEmpty() && Base64.getDecoder().decode(text).length > 0;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private void required(String path, String text, int most) {
    if (text == null) {
      that(false, path, "is missing");
    } else {
      optional(path, text, 1, most);
    }
  }

  private void optional(String path, String text, int least, int most) {
    if (text != null) {
      that(text.length() >= least, path, "is empty");
      that(text.codePointCount(0, text.length()) <= most, path, "is longer than " + most + " characters");
      wellFormed(path, text);
    }
  }

  private void object(String path, ObjectNode object) {
    if (object != null) {
      that(object.size() <= MAX_FIELDS, path, "has more than " + MAX_FIELDS + " fields");
      that(depth(object) <= MAX_DEPTH, path, "is nested more than " + MAX_DEPTH + " deep");
      wellFormed(path, object);
    }
  }

  private static int depth(JsonNode json) {
    int deepest = 0;
    for (JsonNode child : json) {
      deepest = Math.max(deepest, depth(child));
    }
    return json.isContainerNode() ? deepest + 1 : 0;
  }

  private void wellFormed(String path, JsonNode json) {
    if (json.isTextual()) {
      wellFormed(path, json.textValue());
    } else if (json.isDouble()) {
      that(Double.isFinite(json.doubleValue()), path, "is a number that is too large");
    } else if (json.isArray()) {
      for (int i = 0; i < json.size(); i++) {
        wellFormed(path + "/" + i, json.get(i));
      }
    } else {
      json.properties().forEach(field -> {
        wellFormed(path, field.getKey());
        wellFormed(path + "/" + escaped(field.getKey()), field.getValue());
      });
    }
  }

  /** Half a surrogate pair has no form in UTF-8, so it could neither be stored nor sent on. */
  private void wellFormed(String path, String text) {
    that(text == null || StandardCharsets.UTF_8.newEncoder().canEncode(text), path, "contains an unpaired surrogate");
  }

  private void that(boolean holds, String path, String message) {
    if (!holds && wrong.size() < MAX_DETAILS) {
      wrong.add(new ApiException.Detail(path, message));
    }
  }

  private void done() {
    if (!wrong.isEmpty()) {
      throw invalid(wrong);
    }
  }

  /** @param details at least one */
  static ApiException invalid(List<ApiException.Detail> details) {
    ApiException.Detail first = details.getFirst();
    return new ApiException(ErrorCode.INVALID_REQUEST,
        "The request is not valid: " + (first.path().isEmpty() ? "it" : first.path()) + " " + first.message() + ".", details);
  }

  /** A name as a part of a JSON pointer. */
  static String escaped(String field) {
    return field.replace("~", "~0").replace("/", "~1");
  }
}
