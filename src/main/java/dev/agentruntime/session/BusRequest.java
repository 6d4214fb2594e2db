package dev.agentruntime.session;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.type.LogicalType;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.Message;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.List;

/**
 * What a sibling asks for over the event bus.
 *
 * @param action the header of that name, empty if there is none
 */
record BusRequest(String action, ObjectNode body) {

  /** Takes nothing for what it is not: no unknown field, no number for a text, no text for a number, no null for a value. */
  private static final ObjectReader STRICT = strict().reader();

  private static JsonMapper strict() {
    JsonMapper.Builder strict = JsonMapper.builder()
        .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS);
    for (LogicalType type : List.of(LogicalType.Textual, LogicalType.Enum)) {
      strict.withCoercionConfig(type, config -> {
        for (CoercionInputShape shape : CoercionInputShape.values()) {
          config.setCoercion(shape, CoercionAction.Fail);
        }
      });
    }
    return strict.build();
  }

  /** @throws ApiException {@code INVALID_REQUEST} if the body is not a JSON object; a message without one has an empty one */
  static BusRequest of(Message<Object> message) {
    String action = message.headers().get("action");
    return new BusRequest(action == null ? "" : action, body(message.body()));
  }

  private static ObjectNode body(Object body) {
    try {
      JsonNode json = switch (body) {
        case null -> Json.object();
        case JsonObject object -> Json.tree(object.toBuffer().getBytes());
        case Buffer buffer -> Json.tree(buffer.getBytes());
        case String text -> Json.tree(text);
        default -> null;
      };
      if (json instanceof ObjectNode object) {
        return object;
      }
    } catch (IOException e) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The body is not JSON.");
    }
    throw new ApiException(ErrorCode.INVALID_REQUEST, "The body is not a JSON object.");
  }

  /** @throws ApiException {@code INVALID_REQUEST} that names the field that does not fit */
  <T> T as(Class<T> type) {
    body.properties().forEach(field -> {
      if (field.getValue().isNull()) {
        throw invalid("/" + RequestRules.escaped(field.getKey()), "is null; leave it out");
      }
    });
    try {
      return STRICT.forType(type).readValue(body);
    } catch (UnrecognizedPropertyException e) {
      throw invalid(pointer(e), "is not a known field");
    } catch (JsonMappingException e) {
      throw invalid(pointer(e), "has a value that does not fit");
    } catch (IOException e) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The body cannot be read.", e);
    }
  }

  /** For what says all in its address and action. @throws ApiException {@code INVALID_REQUEST} if there is more */
  void requireEmpty() {
    body.fieldNames().forEachRemaining(name -> {
      throw invalid("/" + RequestRules.escaped(name), "is not a known field");
    });
  }

  ApiException unknownAction(String known) {
    return new ApiException(ErrorCode.INVALID_REQUEST, "The header action is \"" + action + "\" and not one of " + known + ".");
  }

  private static ApiException invalid(String path, String message) {
    return RequestRules.invalid(List.of(new ApiException.Detail(path, message)));
  }

  private static String pointer(JsonMappingException e) {
    StringBuilder pointer = new StringBuilder();
    for (JsonMappingException.Reference step : e.getPath()) {
      pointer.append('/').append(step.getFieldName() == null ? step.getIndex() : RequestRules.escaped(step.getFieldName()));
    }
    return pointer.toString();
  }
}
