package dev.agentruntime.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.config.Settings;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.session.SessionManager;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The paths of the contract's section 1. A table of endpoints, from which the routes are made. */
final class RestApi {

  private static final int DEFAULT_PAGE = 50;

  private final SessionManager manager;
  private final RuntimeMetrics metrics;
  private final Authentication authentication;
  private final ApiSchemas schemas;
  private final WebSocketEndpoint webSockets;
  private final Requests requests;
  private final ProfileRoutes profiles;
  private final FileRoutes files;
  private final EventStreams eventStreams;

  /** What is read of a request before its endpoint has it. */
  private enum Body { NONE, JSON, BYTES }

  /** @param path as in the API document, with its parameters in braces */
  record Endpoint(HttpMethod method, String path, Body body, Handler<RoutingContext> handler) {

    String route() {
      return path.replace("{path}", "*").replaceAll("\\{(\\w+)}", ":$1");
    }

    /** Whether everybody may ask, or the endpoint sees to it itself. */
    boolean open() {
      return path.startsWith("/health") || path.equals("/ws");
    }

    /** Whether there are query parameters, or those that there may be are of no interest: of who watches over the server. */
    boolean takesQuery() {
      return open() || path.equals("/sessions") || path.equals("/metrics");
    }
  }

  private record Patch(String name, ObjectNode metadata) {}

  private record Options(ObjectNode sessionOptions) {}

  private record Page(Integer limit, String after) {}

  RestApi(SessionManager manager, Settings settings, RuntimeMetrics metrics, Authentication authentication, ApiSchemas schemas,
          ClientStreams streams, WebSocketEndpoint webSockets) {
    this.manager = manager;
    this.metrics = metrics;
    this.authentication = authentication;
    this.schemas = schemas;
    this.webSockets = webSockets;
    this.requests = new Requests(schemas, settings.limits().requestBytes());
    this.profiles = new ProfileRoutes(manager, requests);
    this.files = new FileRoutes(manager);
    this.eventStreams = new EventStreams(manager, settings, streams);
  }

  List<Endpoint> endpoints() {
    return List.of(
        new Endpoint(HttpMethod.GET, "/health", Body.NONE, this::health),
        new Endpoint(HttpMethod.GET, "/health/ready", Body.NONE, this::ready),
        new Endpoint(HttpMethod.GET, "/metrics", Body.NONE, this::metrics),
        new Endpoint(HttpMethod.GET, "/openapi.json", Body.NONE, context -> document(context, schemas.openApi())),
        new Endpoint(HttpMethod.GET, "/asyncapi.json", Body.NONE, context -> document(context, schemas.asyncApi())),
        new Endpoint(HttpMethod.GET, "/ws", Body.NONE, webSockets::upgrade),
        new Endpoint(HttpMethod.GET, "/agent-profiles", Body.NONE, profiles::list),
        new Endpoint(HttpMethod.GET, "/agent-profiles/{profileId}", Body.NONE, profiles::get),
        new Endpoint(HttpMethod.PUT, "/agent-profiles/{profileId}", Body.JSON, profiles::put),
        new Endpoint(HttpMethod.DELETE, "/agent-profiles/{profileId}", Body.JSON, profiles::delete),
        new Endpoint(HttpMethod.GET, "/sandboxes", Body.NONE, this::sandboxes),
        new Endpoint(HttpMethod.POST, "/sessions/create", Body.JSON, this::create),
        new Endpoint(HttpMethod.GET, "/sessions", Body.NONE, this::list),
        new Endpoint(HttpMethod.GET, "/sessions/{sessionId}", Body.NONE, this::get),
        new Endpoint(HttpMethod.PATCH, "/sessions/{sessionId}", Body.JSON, this::patch),
        new Endpoint(HttpMethod.DELETE, "/sessions/{sessionId}", Body.JSON, command(200, manager::delete)),
        new Endpoint(HttpMethod.POST, "/sessions/{sessionId}/message", Body.JSON, this::message),
        new Endpoint(HttpMethod.POST, "/sessions/{sessionId}/interrupt", Body.JSON, command(202, manager::interrupt)),
        new Endpoint(HttpMethod.PATCH, "/sessions/{sessionId}/options", Body.JSON, this::options),
        new Endpoint(HttpMethod.POST, "/sessions/{sessionId}/sync", Body.JSON, command(200, manager::sync)),
        new Endpoint(HttpMethod.POST, "/sessions/{sessionId}/unload", Body.JSON, command(200, manager::unload)),
        new Endpoint(HttpMethod.GET, "/sessions/{sessionId}/events", Body.NONE, eventStreams::open),
        new Endpoint(HttpMethod.GET, "/sessions/{sessionId}/files", Body.NONE, files::list),
        new Endpoint(HttpMethod.GET, "/sessions/{sessionId}/files/{path}", Body.NONE, files::get),
        new Endpoint(HttpMethod.PUT, "/sessions/{sessionId}/files/{path}", Body.BYTES, files::put),
        new Endpoint(HttpMethod.DELETE, "/sessions/{sessionId}/files/{path}", Body.JSON, files::delete));
  }

  Router router(Vertx vertx) {
    Router router = Router.router(vertx);
    router.route().handler(RestApi::headers).failureHandler(ErrorResponses::handle);
    router.route().handler(new CrossOrigin(authentication, endpoints().stream().map(Endpoint::method).collect(Collectors.toSet())));
    Map<String, Set<HttpMethod>> methods = new LinkedHashMap<>();
    for (Endpoint endpoint : endpoints()) {
      methods.computeIfAbsent(endpoint.route(), path -> new LinkedHashSet<>()).add(endpoint.method());
    }
    methods.forEach((path, ofPath) -> {
      List<Endpoint> here = endpoints().stream().filter(endpoint -> endpoint.route().equals(path)).toList();
      here.forEach(endpoint -> mount(router, endpoint));
      router.route(path).handler(otherMethods(ofPath, here.getFirst().open()));
    });
    router.route().handler(context -> {
      authentication.check(context.request().headers());
      throw new ApiException(ErrorCode.NOT_FOUND, "There is nothing at this path.");
    });
    for (int status : new int[] {400, 404, 405, 413, 415, 500}) {
      router.errorHandler(status, ErrorResponses::handle);
    }
    return router;
  }

  private void mount(Router router, Endpoint endpoint) {
    Route route = router.route(endpoint.method(), endpoint.route());
    if (endpoint.method().equals(HttpMethod.GET) && !endpoint.path().equals("/ws")) {
      route.method(HttpMethod.HEAD);
    }
    if (!endpoint.open()) {
      route.handler(this::authenticate);
    }
    if (!endpoint.takesQuery()) {
      route.handler(requests::noQuery);
    }
    switch (endpoint.body()) {
      case JSON -> route.handler(requests::readJson);
      case BYTES -> route.handler(requests::readBytes);
      case NONE -> { }
    }
    route.handler(endpoint.handler());
  }

  private static void headers(RoutingContext context) {
    context.response()
        .putHeader("X-Content-Type-Options", "nosniff")
        .putHeader("Referrer-Policy", "no-referrer")
        .putHeader("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        .putHeader(HttpHeaders.CACHE_CONTROL, "no-store");
    if (context.request().headers().getAll(HttpHeaders.HOST).size() > 1) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The request has more than one Host header.");
    }
    context.next();
  }

  private void authenticate(RoutingContext context) {
    authentication.check(context.request().headers());
    context.next();
  }

  private Handler<RoutingContext> otherMethods(Set<HttpMethod> methods, boolean open) {
    String allow = methods.stream().map(HttpMethod::name).collect(Collectors.joining(", "))
        + (methods.contains(HttpMethod.GET) ? ", HEAD" : "") + ", OPTIONS";
    return context -> {
      context.response().putHeader(HttpHeaders.ALLOW, allow);
      if (context.request().method().equals(HttpMethod.OPTIONS)) {
        context.response().setStatusCode(204).end();
        return;
      }
      if (!open) {
        authentication.check(context.request().headers());
      }
      throw new ApiException(ErrorCode.METHOD_NOT_ALLOWED, "This path supports only " + allow + ".");
    };
  }

  private static void document(RoutingContext context, String json) {
    context.response().putHeader(HttpHeaders.CONTENT_TYPE, "application/json").end(json);
  }

  private void health(RoutingContext context) {
    Requests.json(context, 200, Json.object().put("status", "ok"));
  }

  private void ready(RoutingContext context) {
    answer(context, manager.readiness(), problems -> {
      if (problems.isEmpty()) {
        Requests.json(context, 200, Json.object().put("status", "ok"));
      } else {
        throw new ApiException(ErrorCode.NOT_READY, String.join(" ", problems));
      }
    });
  }

  private void metrics(RoutingContext context) {
    String text = metrics.registry() instanceof PrometheusMeterRegistry prometheus ? prometheus.scrape() : "";
    context.response().putHeader(HttpHeaders.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8").end(text);
  }

  private void sandboxes(RoutingContext context) {
    answer(context, manager.sandboxes(), sandboxes -> Requests.json(context, 200, Map.of("sandboxes", sandboxes)));
  }

  private void create(RoutingContext context) {
    CreateSession request = requests.body(context, "CreateSession", CreateSession.class);
    answer(context, manager.create(request), created -> {
      context.response().putHeader(HttpHeaders.LOCATION, context.request().path().replaceAll("create/?$", created.sessionId()));
      Requests.json(context, 201, created);
    });
  }

  private void list(RoutingContext context) {
    Page page = requests.query(context, "ListSessions", Page.class);
    answer(context, manager.list(page.limit() == null ? DEFAULT_PAGE : page.limit(), page.after()),
        list -> Requests.json(context, 200, list));
  }

  private void get(RoutingContext context) {
    answer(context, manager.join(sessionId(context), null), joined -> SnapshotAnswer.send(context, joined));
  }

  private void patch(RoutingContext context) {
    String sessionId = sessionId(context);
    Patch patch = requests.body(context, "PatchSession", Patch.class);
    answer(context, manager.patch(sessionId, patch.name(), patch.metadata()), item -> Requests.json(context, 200, item));
  }

  private void message(RoutingContext context) {
    String sessionId = sessionId(context);
    SendMessage message = requests.body(context, "SendMessage", SendMessage.class);
    answer(context, manager.message(sessionId, message), accepted -> {
      ObjectNode body = Json.object().put("success", true).put("sessionId", sessionId);
      body.setAll((ObjectNode) Json.toTree(accepted));
      Requests.json(context, 202, body);
    });
  }

  private void options(RoutingContext context) {
    String sessionId = sessionId(context);
    Options options = requests.body(context, "PatchOptions", Options.class);
    answer(context, manager.options(sessionId, options.sessionOptions()), inForce -> {
      ObjectNode body = Json.object().put("sessionId", sessionId);
      body.set("sessionOptions", inForce);
      Requests.json(context, 200, body);
    });
  }

  /** A request that says all in its path, and is answered with no more than that it was done. */
  private Handler<RoutingContext> command(int status, Function<String, Future<Void>> command) {
    return context -> {
      String sessionId = sessionId(context);
      requests.noBody(context);
      answer(context, command.apply(sessionId),
          nothing -> Requests.json(context, status, Json.object().put("success", true).put("sessionId", sessionId)));
    };
  }

  static String sessionId(RoutingContext context) {
    return SessionIds.check(context.pathParam("sessionId"));
  }

  /** What {@code answer} throws is a failure of the request like any other. */
  static <T> void answer(RoutingContext context, Future<T> future, Handler<T> answer) {
    future.onSuccess(value -> {
      if (!context.response().closed()) {
        try {
          answer.handle(value);
        } catch (RuntimeException e) {
          context.fail(e);
        }
      }
    }).onFailure(context::fail);
  }
}
