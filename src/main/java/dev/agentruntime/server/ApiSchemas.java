package dev.agentruntime.server;

import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonMetaSchema;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.NonValidationKeyword;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ClientMessage;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SchemaSentences;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * {@code openapi.json} and {@code asyncapi.json}, as they are served, and the check of what clients send against the schemas in them.
 * Thread-safe.
 */
final class ApiSchemas {

  /** Only names; nothing is fetched. */
  private static final String BASE = "https://agent-runtime.invalid/";
  private static final int MAX_DETAILS = 20;

  private final String openApi = resource("openapi.json");
  private final String asyncApi = resource("asyncapi.json");
  private final JsonSchemaFactory factory = factory(Map.of(BASE + "openapi.json", schemas(openApi), BASE + "asyncapi.json", schemas(asyncApi)));
  private final SchemaValidatorsConfig config = SchemaSentences.config();
  private final Map<String, String> clientMessages = clientMessages(asyncApi);
  private final Map<String, JsonSchema> compiled = new ConcurrentHashMap<>();

  private static JsonSchemaFactory factory(Map<String, String> documents) {
    JsonMetaSchema dialect = JsonMetaSchema.builder(JsonMetaSchema.getV202012())
        .keyword(new NonValidationKeyword("components")).build();
    return JsonSchemaFactory.builder(JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012))
        .defaultMetaSchemaIri(dialect.getIri()).metaSchema(dialect)
        .schemaLoaders(loaders -> loaders.schemas(documents)).build();
  }

  /** Of a document only its schemas. */
  private static String schemas(String document) {
    ObjectNode root = Json.object();
    root.putObject("components").set("schemas", parsed(document).at("/components/schemas"));
    return Json.text(root);
  }

  /** Names of the schemas of what clients say, by its {@code type}. */
  private static Map<String, String> clientMessages(String asyncApi) {
    List<String> types = Arrays.stream(ClientMessage.class.getPermittedSubclasses())
        .map(type -> type.getAnnotation(JsonTypeName.class).value()).toList();
    Map<String, String> names = new TreeMap<>();
    parsed(asyncApi).at("/components/schemas").properties().forEach(entry -> {
      String type = entry.getValue().at("/properties/type/const").asText();
      if (types.contains(type)) {
        names.put(type, entry.getKey());
      }
    });
    return names;
  }

  String openApi() {
    return openApi;
  }

  String asyncApi() {
    return asyncApi;
  }

  /**
   * A request's body or parameters as a record.
   *
   * @param schema name in {@code components.schemas} of {@code openapi.json}
   * @throws ApiException {@code INVALID_REQUEST} with what is wrong with each field
   */
  <T> T request(String schema, JsonNode json, Class<T> type) {
    check(schema("openapi.json", schema), json, "The request is not valid");
    return convert(json, type);
  }

  /** @throws ApiException {@code INVALID_REQUEST} for what is no object, or has text that cannot be stored */
  ObjectNode object(JsonNode json) {
    List<ApiException.Detail> details = new ArrayList<>();
    if (!json.isObject()) {
      details.add(new ApiException.Detail("", "is not an object"));
    }
    checkValues(json, "", details);
    refuse(details, "The request is not valid");
    return (ObjectNode) json;
  }

  /** @throws ApiException {@code INVALID_REQUEST} with what is wrong with each field */
  ClientMessage clientMessage(JsonNode json) {
    JsonNode type = json.path("type");
    if (!json.isObject() || !type.isTextual()) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "A message must be an object with a string field \"type\".",
          List.of(new ApiException.Detail("/type", "is missing or not a string")));
    }
    String schema = clientMessages.get(type.textValue());
    if (schema == null) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "There is no such message type; the types are " + clientMessages.keySet() + ".",
          List.of(new ApiException.Detail("/type", "is not known")));
    }
    check(schema("asyncapi.json", schema), json, "The message is not valid");
    return convert(json, ClientMessage.class);
  }

  private static <T> T convert(JsonNode json, Class<T> type) {
    try {
      return Json.to(json, type);
    } catch (IllegalArgumentException e) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The request has a value that does not fit its field.", e);
    }
  }

  private static void check(JsonSchema schema, JsonNode json, String sentence) {
    List<ApiException.Detail> details = new ArrayList<>();
    for (ValidationMessage message : schema.validate(json)) {
      if (details.size() < MAX_DETAILS) {
        details.add(detail(message));
      }
    }
    checkValues(json, "", details);
    refuse(details, sentence);
  }

  private static void refuse(List<ApiException.Detail> details, String sentence) {
    if (!details.isEmpty()) {
      ApiException.Detail first = details.getFirst();
      throw new ApiException(ErrorCode.INVALID_REQUEST,
          sentence + ": " + (first.path().isEmpty() ? "it" : first.path()) + " " + first.message() + ".", details);
    }
  }

  private static ApiException.Detail detail(ValidationMessage message) {
    String path = message.getInstanceLocation().toString();
    return switch (message.getType()) {
      case "additionalProperties" -> new ApiException.Detail(path + "/" + escaped(message.getProperty()), "is not a known field");
      case "required" -> new ApiException.Detail(path + "/" + escaped(message.getProperty()), "is missing");
      default -> new ApiException.Detail(path, SchemaSentences.predicate(message));
    };
  }

  /** Half a surrogate pair has no form in UTF-8, and a number like 1e999 none in memory: neither could be stored or sent on. */
  private static void checkValues(JsonNode json, String path, List<ApiException.Detail> details) {
    if (json.isTextual() && !StandardCharsets.UTF_8.newEncoder().canEncode(json.textValue())) {
      details.add(new ApiException.Detail(path, "contains an unpaired surrogate"));
    } else if (json.isDouble() && !Double.isFinite(json.doubleValue())) {
      details.add(new ApiException.Detail(path, "is a number that is too large"));
    } else if (json.isArray()) {
      for (int i = 0; i < json.size(); i++) {
        checkValues(json.get(i), path + "/" + i, details);
      }
    } else if (json.isObject()) {
      json.properties().forEach(field -> {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(field.getKey())) {
          details.add(new ApiException.Detail(path, "has a field whose name contains an unpaired surrogate"));
        }
        checkValues(field.getValue(), path + "/" + escaped(field.getKey()), details);
      });
    }
  }

  private static String escaped(String field) {
    return field.replace("~", "~0").replace("/", "~1");
  }

  /** A schema of a document, compiled when it is first needed. */
  JsonSchema schema(String document, String name) {
    return compiled.computeIfAbsent(document + "#/components/schemas/" + name,
        path -> factory.getSchema(SchemaLocation.of(BASE + path), config));
  }

  private static JsonNode parsed(String document) {
    try {
      return Json.tree(document);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String resource(String name) {
    try (InputStream in = ApiSchemas.class.getResourceAsStream("/" + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
