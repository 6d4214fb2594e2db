package dev.agentruntime.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.AgentProfileDetails;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.session.SessionManager;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What can be run: listed, shown, saved and deleted. A version is the {@code ETag}. */
final class ProfileRoutes {

  private static final int PRECONDITION_FAILED = 412;

  private final SessionManager manager;
  private final Requests requests;

  ProfileRoutes(SessionManager manager, Requests requests) {
    this.manager = manager;
    this.requests = requests;
  }

  void list(RoutingContext context) {
    RestApi.answer(context, manager.profiles(), profiles -> Requests.json(context, 200, Map.of("profiles", profiles)));
  }

  void get(RoutingContext context) {
    RestApi.answer(context, manager.profile(id(context)), profile -> show(context, 200, profile));
  }

  void put(RoutingContext context) {
    ObjectNode document = requests.object(context);
    RestApi.answer(context, manager.saveProfile(id(context), document, condition(context.request())), saved -> {
      if (saved.isPresent()) {
        show(context, saved.get().isNew() ? 201 : 200, saved.get().details());
      } else {
        refuse(context);
      }
    });
  }

  void delete(RoutingContext context) {
    String id = id(context);
    requests.noBody(context);
    RestApi.answer(context, manager.deleteProfile(id, condition(context.request())), deleted -> {
      if (deleted) {
        Requests.json(context, 200, Json.object().put("success", true).put("id", id));
      } else {
        refuse(context);
      }
    });
  }

  private static String id(RoutingContext context) {
    return context.pathParam("profileId");
  }

  private static void show(RoutingContext context, int status, AgentProfileDetails profile) {
    if (profile.version() != null) {
      context.response().putHeader(HttpHeaders.ETAG, "\"" + profile.version() + "\"");
    }
    Requests.json(context, status, profile);
  }

  /** As HTTP wants it, where the code alone would be a 409. */
  private static void refuse(RoutingContext context) {
    ErrorResponses.write(context.response(), new ApiException(ErrorCode.CONFLICT,
        "The agent profile has been changed in the meantime: get it again, and save it with its new version."), PRECONDITION_FAILED);
  }

  /** What {@code If-Match} and {@code If-None-Match} ask of the stored version, which is {@code null} where there is none. */
  private static Predicate<String> condition(HttpServerRequest request) {
    String match = request.getHeader(HttpHeaders.IF_MATCH);
    String noneMatch = request.getHeader(HttpHeaders.IF_NONE_MATCH);
    Predicate<String> wanted = match == null ? version -> true : listed(match);
    return noneMatch == null ? wanted : wanted.and(listed(noneMatch).negate());
  }

  private static Predicate<String> listed(String header) {
    if (header.strip().equals("*")) {
      return Objects::nonNull;
    }
    Set<String> tags = Arrays.stream(header.split(",")).map(String::strip).collect(Collectors.toSet());
    return version -> version != null && tags.contains("\"" + version + "\"");
  }
}
