package dev.agentruntime.server;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.session.SessionManager;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.net.URLConnection;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Workspace files as raw bytes. What an agent has written must not run in the browser of who looks at it: nothing is sniffed, nothing may
 * run, and what a browser would render as a page is a download.
 */
final class FileRoutes {

  private static final int CHUNK_BYTES = 64 * 1024;
  private static final Set<String> SHOWN =
      Set.of("text/plain", "image/png", "image/jpeg", "image/gif", "image/webp", "application/json", "application/pdf");

  private final SessionManager manager;

  FileRoutes(SessionManager manager) {
    this.manager = manager;
  }

  void list(RoutingContext context) {
    RestApi.answer(context, manager.listFiles(RestApi.sessionId(context)), files -> Requests.json(context, 200, Map.of("files", files)));
  }

  void get(RoutingContext context) {
    String sessionId = RestApi.sessionId(context);
    String path = path(context, sessionId);
    RestApi.answer(context, manager.statFile(sessionId, path), file -> send(context, sessionId, file));
  }

  void put(RoutingContext context) {
    String sessionId = RestApi.sessionId(context);
    String path = path(context, sessionId);
    Buffer content = Requests.bytes(context);
    RestApi.answer(context, manager.writeFile(sessionId, path, content), created -> Requests.json(context, created ? 201 : 200,
        Json.object().put("success", true).put("sessionId", sessionId).put("path", path).put("size", content.length())));
  }

  void delete(RoutingContext context) {
    String sessionId = RestApi.sessionId(context);
    String path = path(context, sessionId);
    RestApi.answer(context, manager.deleteFile(sessionId, path), nothing -> Requests.json(context, 200,
        Json.object().put("success", true).put("sessionId", sessionId).put("path", path)));
  }

  private static String path(RoutingContext context, String sessionId) {
    String url = context.request().path();
    int id = url.toLowerCase(Locale.ROOT).indexOf("/" + sessionId + "/");
    String marker = "/files/";
    int files = id < 0 ? -1 : url.indexOf(marker, id);
    if (files < 0) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The file's path is not valid.");
    }
    return FilePaths.decode(url.substring(files + marker.length()));
  }

  private void send(RoutingContext context, String sessionId, WorkspaceFile file) {
    HttpServerRequest request = context.request();
    HttpServerResponse response = context.response();
    String etag = "\"" + Long.toHexString(file.modifiedAt()) + "-" + Long.toHexString(file.size()) + "\"";
    headers(response, file, etag);
    if (matches(request.getHeader(HttpHeaders.IF_NONE_MATCH), etag)) {
      response.setStatusCode(304).end();
      return;
    }
    String ifRange = request.getHeader("If-Range");
    ByteRange range = ifRange == null || ifRange.equals(etag) ? ByteRange.parse(request.getHeader("Range"), file.size()) : null;
    if (range == ByteRange.UNSATISFIABLE) {
      response.putHeader(HttpHeaders.CONTENT_RANGE, "bytes */" + file.size());
      response.headers().remove(HttpHeaders.CONTENT_DISPOSITION);
      ErrorResponses.write(response, new ApiException(ErrorCode.INVALID_REQUEST, "The file has no bytes in this range."), 416);
      return;
    }
    if (range != null) {
      response.setStatusCode(206).putHeader(HttpHeaders.CONTENT_RANGE,
          "bytes " + range.start() + "-" + (range.start() + range.length() - 1) + "/" + file.size());
    }
    ByteRange part = range == null ? new ByteRange(0, file.size()) : range;
    response.putHeader(HttpHeaders.CONTENT_LENGTH, Long.toString(part.length()));
    if (request.method().equals(HttpMethod.HEAD)) {
      response.end();
    } else {
      new Download(context, sessionId, file.path(), part).next();
    }
  }

  private static void headers(HttpServerResponse response, WorkspaceFile file, String etag) {
    String name = file.path().substring(file.path().lastIndexOf('/') + 1);
    String guess = URLConnection.guessContentTypeFromName(name);
    String type = guess == null ? "application/octet-stream" : guess;
    response
        .putHeader(HttpHeaders.CONTENT_TYPE, type.startsWith("text/") ? type + "; charset=utf-8" : type)
        .putHeader("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
        .putHeader(HttpHeaders.CONTENT_DISPOSITION, (SHOWN.contains(type) ? "inline" : "attachment")
            + "; filename*=UTF-8''" + URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20"))
        .putHeader(HttpHeaders.CACHE_CONTROL, "no-cache")
        .putHeader(HttpHeaders.ACCEPT_RANGES, "bytes")
        .putHeader(HttpHeaders.ETAG, etag)
        .putHeader(HttpHeaders.LAST_MODIFIED,
            DateTimeFormatter.RFC_1123_DATE_TIME.format(Instant.ofEpochMilli(file.modifiedAt()).atOffset(ZoneOffset.UTC)));
  }

  private static boolean matches(String ifNoneMatch, String etag) {
    if (ifNoneMatch == null) {
      return false;
    }
    for (String candidate : ifNoneMatch.split(",")) {
      String one = candidate.strip();
      if (one.equals("*") || one.equals(etag) || one.equals("W/" + etag)) {
        return true;
      }
    }
    return false;
  }

  /** Reads a chunk when the one before has gone out, so that a file of any size costs one chunk of memory. */
  private final class Download {
    private final RoutingContext context;
    private final HttpServerResponse response;
    private final String sessionId;
    private final String path;
    private long offset;
    private long left;

    Download(RoutingContext context, String sessionId, String path, ByteRange range) {
      this.context = context;
      this.response = context.response();
      this.sessionId = sessionId;
      this.path = path;
      this.offset = range.start();
      this.left = range.length();
    }

    void next() {
      if (left == 0) {
        response.end();
        return;
      }
      manager.readFile(sessionId, path, offset, (int) Math.min(CHUNK_BYTES, left)).onSuccess(this::write).onFailure(this::fail);
    }

    private void write(Buffer chunk) {
      if (response.closed()) {
        return;
      }
      if (chunk.length() == 0) {
        fail(new IllegalStateException("the file became shorter while it was sent"));
        return;
      }
      offset += chunk.length();
      left -= chunk.length();
      response.write(chunk).onSuccess(written -> next());
    }

    /** The length was promised; cutting the connection is how HTTP says that it was not kept. */
    private void fail(Throwable cause) {
      if (response.headWritten()) {
        ErrorResponses.toApiException(cause, "sending a file of " + sessionId);
        context.request().connection().close();
      } else {
        response.headers().remove(HttpHeaders.CONTENT_LENGTH);
        context.fail(cause);
      }
    }
  }
}
