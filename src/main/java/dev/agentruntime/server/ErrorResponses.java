package dev.agentruntime.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.HttpException;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes of every failure an answer that says what a client may know; the rest is in the log, found by a reference that the answer has. */
final class ErrorResponses {

  private static final Logger LOG = LoggerFactory.getLogger(ErrorResponses.class);

  private ErrorResponses() {}

  /** The failure handler of every route. */
  static void handle(RoutingContext context) {
    HttpServerResponse response = context.response();
    if (response.ended() || response.closed()) {
      return;
    }
    Throwable cause = context.failure();
    boolean refusedByVertx = !(cause instanceof ApiException) && context.statusCode() >= 400 && context.statusCode() < 500;
    ApiException error = cause == null || cause instanceof HttpException || refusedByVertx
        ? ofStatus(context.statusCode())
        : toApiException(cause, context.request().method() + " " + context.request().path());
    if (response.headWritten()) {
      context.request().connection().close();
      return;
    }
    write(response, error, error.code().status());
  }

  /** @param status that of the code, except where HTTP asks for one that no code has */
  static void write(HttpServerResponse response, ApiException error, int status) {
    if (status == 401) {
      response.putHeader("WWW-Authenticate", "Bearer");
    }
    response.setStatusCode(status)
        .putHeader(HttpHeaders.CONTENT_TYPE, "application/json")
        .end(Buffer.buffer(Json.bytes(body(error))));
  }

  /** {@code {"error", "code", "details"?}}. */
  static ObjectNode body(ApiException error) {
    ObjectNode body = Json.object().put("error", error.getMessage()).put("code", error.code().name());
    addDetails(error, body);
    return body;
  }

  static void addDetails(ApiException error, ObjectNode to) {
    if (!error.details().isEmpty()) {
      ArrayNode details = to.putArray("details");
      error.details().forEach(detail -> details.addObject().put("path", detail.path()).put("message", detail.message()));
    }
  }

  /**
   * What a client is told of a failure. An unexpected one is logged.
   *
   * @param what was being done, for the log
   */
  static ApiException toApiException(Throwable cause, String what) {
    if (cause instanceof ApiException known) {
      if (known.code().status() >= 500 && known.getCause() != null) {
        LOG.warn("{}: {}", what, known.getMessage(), known.getCause());
      }
      return known;
    }
    String reference = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    LOG.error("{} failed, reference {}", what, reference, cause);
    return new ApiException(ErrorCode.INTERNAL, "Something went wrong inside the server. Reference: " + reference + ".");
  }

  private static ApiException ofStatus(int status) {
    return switch (status) {
      case 401 -> new ApiException(ErrorCode.AUTH_REQUIRED, "An API key is required.");
      case 403 -> new ApiException(ErrorCode.FORBIDDEN, "Not allowed.");
      case 404 -> new ApiException(ErrorCode.NOT_FOUND, "There is nothing at this path.");
      case 405 -> new ApiException(ErrorCode.METHOD_NOT_ALLOWED, "This path does not support this method.");
      case 413 -> new ApiException(ErrorCode.PAYLOAD_TOO_LARGE, "The request body is larger than the server accepts.");
      case 415 -> new ApiException(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "The content type is not supported.");
      default -> status >= 500
          ? new ApiException(ErrorCode.INTERNAL, "Something went wrong inside the server.")
          : new ApiException(ErrorCode.INVALID_REQUEST, "The request is not valid HTTP.");
    };
  }
}
