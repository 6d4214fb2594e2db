package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import io.netty.buffer.Unpooled;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.math.BigInteger;
import java.util.Locale;

/** Reads what a request says, and writes answers. Used on the request's context. */
final class Requests {

  private static final String BODY = "agent-runtime.body";

  private final ApiSchemas schemas;
  private final int maxBytes;

  /** @param maxBytes of a body */
  Requests(ApiSchemas schemas, int maxBytes) {
    this.schemas = schemas;
    this.maxBytes = maxBytes;
  }

  /** Reads a JSON body, or none, and goes on. */
  void readJson(RoutingContext context) {
    HttpServerRequest request = context.request();
    String type = request.getHeader(HttpHeaders.CONTENT_TYPE);
    if (type != null && !isJson(type)) {
      throw new ApiException(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json in UTF-8.");
    }
    readBytes(context);
  }

  /** Reads a body of any type, up to the limit, and goes on. */
  void readBytes(RoutingContext context) {
    HttpServerRequest request = context.request();
    String encoding = request.getHeader(HttpHeaders.CONTENT_ENCODING);
    if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
      throw new ApiException(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "Compressed bodies are not supported.");
    }
    if (request.isEnded()) {
      Buffer read = context.body().buffer();
      next(context, read == null ? Buffer.buffer() : read);
      return;
    }
    if (contentLength(request) > maxBytes) {
      throw tooLarge();
    }
    if ("100-continue".equalsIgnoreCase(request.getHeader(HttpHeaders.EXPECT)) && request.version() == HttpVersion.HTTP_1_1) {
      context.response().writeContinue();
    }
    Buffer body = Buffer.buffer();
    request.handler(chunk -> {
      if (context.failed()) {
        return;
      }
      if (body.length() + chunk.length() > maxBytes) {
        context.fail(tooLarge());
      } else {
        body.appendBuffer(chunk);
      }
    });
    request.exceptionHandler(cause -> {
      if (!context.failed()) {
        context.fail(new ApiException(ErrorCode.INVALID_REQUEST, "The request was cut off or is not valid HTTP.", cause));
      }
    });
    request.endHandler(nothing -> {
      if (!context.failed()) {
        next(context, body);
      }
    });
  }

  private static void next(RoutingContext context, Buffer body) {
    context.put(BODY, body);
    context.next();
  }

  private ApiException tooLarge() {
    return new ApiException(ErrorCode.PAYLOAD_TOO_LARGE, "The body is larger than the " + maxBytes + " bytes that the server accepts.");
  }

  private static long contentLength(HttpServerRequest request) {
    try {
      return Long.parseLong(request.getHeader(HttpHeaders.CONTENT_LENGTH));
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static boolean isJson(String contentType) {
    String[] parts = contentType.toLowerCase(Locale.ROOT).split(";");
    if (!parts[0].strip().equals("application/json")) {
      return false;
    }
    for (int i = 1; i < parts.length; i++) {
      String parameter = parts[i].strip().replace("\"", "");
      if (parameter.startsWith("charset=") && !parameter.equals("charset=utf-8")) {
        return false;
      }
    }
    return true;
  }

  static Buffer bytes(RoutingContext context) {
    return context.get(BODY);
  }

  /** The body as a record, checked. @param schema its name in the API document */
  <T> T body(RoutingContext context, String schema, Class<T> type) {
    return schemas.request(schema, json(context), type);
  }

  /** The body as an object that whoever uses it checks. */
  ObjectNode object(RoutingContext context) {
    return schemas.object(json(context));
  }

  private static JsonNode json(RoutingContext context) {
    Buffer body = bytes(context);
    if (body.length() > 0 && context.request().getHeader(HttpHeaders.CONTENT_TYPE) == null) {
      throw new ApiException(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "The body must have the Content-Type application/json.");
    }
    JsonNode json;
    try {
      json = Json.tree(body.getBytes());
    } catch (IOException e) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The body is not JSON.");
    }
    if (json.isMissingNode()) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "A JSON body is required.");
    }
    return json;
  }

  /** For requests that say all in their path: no body, or an empty object. */
  void noBody(RoutingContext context) {
    if (bytes(context).length() > 0) {
      body(context, "Nothing", JsonNode.class);
    }
  }

  /** Refuses query parameters, and goes on. */
  void noQuery(RoutingContext context) {
    query(context, "NoQuery", JsonNode.class);
    context.next();
  }

  /** The query parameters as a record, checked; a whole number is given as one. */
  <T> T query(RoutingContext context, String schema, Class<T> type) {
    ObjectNode query = Json.object();
    MultiMap parameters;
    try {
      parameters = context.queryParams();
    } catch (RuntimeException e) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The query string is not valid.");
    }
    for (String name : parameters.names()) {
      String value = parameters.get(name);
      if (parameters.getAll(name).size() > 1) {
        throw new ApiException(ErrorCode.INVALID_REQUEST, "The query parameter " + name + " is given more than once.");
      }
      if (value.matches("-?\\d+") && !name.equals("after")) {
        query.put(name, new BigInteger(value));
      } else {
        query.put(name, value);
      }
    }
    return schemas.request(schema, query, type);
  }

  static void json(RoutingContext context, int status, Object value) {
    json(context, status, Json.bytes(value));
  }

  /** @param json shared, not copied */
  static void json(RoutingContext context, int status, byte[] json) {
    context.response().setStatusCode(status)
        .putHeader(HttpHeaders.CONTENT_TYPE, "application/json")
        .end(BufferInternal.buffer(Unpooled.wrappedBuffer(json)));
  }
}
