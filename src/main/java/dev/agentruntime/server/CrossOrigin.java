package dev.agentruntime.server;

import io.vertx.core.Handler;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.CorsHandler;
import java.util.Set;

/**
 * Lets pages of allowed origins use the API in a browser (CORS). Others are told nothing, and their browser keeps the answers from them;
 * whether a request is served at all is {@link Authentication}'s to say.
 *
 * <p>Thread-safe.
 */
final class CrossOrigin implements Handler<RoutingContext> {

  /** For so long a browser need not ask again: the longest time that Chromium heeds. */
  private static final int MAX_AGE_SECONDS = 2 * 60 * 60;

  private static final Set<String> REQUEST_HEADERS =
      Set.of("Authorization", "Content-Type", "If-Match", "If-None-Match", "Last-Event-ID", "Range");
  private static final Set<String> ANSWER_HEADERS = Set.of("Allow", "Content-Disposition", "Content-Range", "ETag", "Location");

  private final Authentication authentication;
  private final CorsHandler allowed;

  CrossOrigin(Authentication authentication, Set<HttpMethod> methods) {
    this.authentication = authentication;
    this.allowed = CorsHandler.create().addOriginWithRegex(".+").allowedMethods(methods).allowedHeaders(REQUEST_HEADERS)
        .exposedHeaders(ANSWER_HEADERS).maxAgeSeconds(MAX_AGE_SECONDS);
  }

  @Override
  public void handle(RoutingContext context) {
    String origin = context.request().getHeader(HttpHeaders.ORIGIN);
    if (origin != null && authentication.allows(origin)) {
      allowed.handle(context);
    } else {
      context.next();
    }
  }
}
