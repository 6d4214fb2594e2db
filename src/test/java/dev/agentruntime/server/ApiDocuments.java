package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.ValidationMessage;
import dev.agentruntime.protocol.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Set;

/** The served documents, for tests to hold answers against. */
final class ApiDocuments {

  private final ApiSchemas schemas = new ApiSchemas();
  final JsonNode openApi = parsed(schemas.openApi());
  final JsonNode asyncApi = parsed(schemas.asyncApi());

  private static JsonNode parsed(String json) {
    try {
      return Json.tree(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The response of an operation that documents it, references followed; missing if there is none. */
  JsonNode response(String method, String path, int status) {
    JsonNode responses = openApi.path("paths").path(path).path(method.toLowerCase(Locale.ROOT)).path("responses");
    JsonNode response = responses.path(String.valueOf(status));
    return followed(response.isMissingNode() ? responses.path("default") : response);
  }

  private JsonNode followed(JsonNode node) {
    return node.has("$ref") ? openApi.at(node.path("$ref").asText().substring(1)) : node;
  }

  /** What is wrong with the body of an answer; empty if it is as documented. */
  Set<ValidationMessage> mistakes(JsonNode response, JsonNode body) {
    JsonNode schema = response.at("/content/application~1json/schema");
    if (schema.isObject() && !schema.has("$ref")) {
      return Set.of();
    }
    String ref = schema.path("$ref").asText();
    return mistakes("openapi.json", ref.isEmpty() ? "Error" : ref.substring(ref.lastIndexOf('/') + 1), body);
  }

  Set<ValidationMessage> mistakes(String document, String schema, JsonNode json) {
    JsonSchema compiled = schemas.schema(document, schema);
    return compiled.validate(json);
  }
}
