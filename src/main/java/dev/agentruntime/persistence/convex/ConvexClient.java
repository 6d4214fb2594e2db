package dev.agentruntime.persistence.convex;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.WellFormed;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.PoolOptions;
import io.vertx.ext.web.client.HttpResponse;
import io.vertx.ext.web.client.WebClient;
import io.vertx.ext.web.client.WebClientOptions;
import java.io.IOException;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls functions of one Convex deployment: {@code POST /api/query} and {@code /api/mutation}, in the format of Convex's own client ({@code
 * ConvexHttpClient} of the npm package {@code convex}), with a deploy key, which may run internal functions.
 *
 * <p>Calls that fail for a reason that passes are made again a few times, with growing pauses: conflicts of transactions that Convex gave
 * up on, overload, an answer that was lost on the way. So every function that is called has to bear being called twice; one that must not
 * be done late, after others, is called by {@link #write}. An outage is for the caller to sit out.
 */
final class ConvexClient {

  private static final Logger LOG = LoggerFactory.getLogger(ConvexClient.class);

  /** The smallest class of deployments runs so many queries, and so many mutations, at once. */
  private static final int CONNECTIONS = 16;
  private static final int CONNECT_TIMEOUT_MS = 10_000;

  static final int MOST_ATTEMPTS = 5;
  private static final long FIRST_PAUSE_MS = 100;

  /** Of a function that ran and failed, in older versions of Convex; newer ones answer 200. */
  private static final int FUNCTION_FAILED = 560;

  private static final String NOT_CONVEX = "the server at the store's address does not answer as Convex does";

  private static final int SHOWN_CHARACTERS = 300;

  /**
   * @param passing whether the same call may work in a moment
   * @param undone whether Convex has said that the function did not run
   */
  private record Failure(boolean passing, boolean undone, PersistenceException exception) {
    static Failure passing(boolean undone, String message) {
      return new Failure(true, undone, new PersistenceException(Kind.UNAVAILABLE, message));
    }

    static Failure lasting(String message) {
      return new Failure(false, false, new PersistenceException(Kind.UNAVAILABLE, message));
    }
  }

  private final Vertx vertx;
  private final String address;
  private final String authorization;
  private final long requestTimeoutMs;
  private final WebClient http;
  private final Set<Future<?>> underWay = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /**
   * @param deployment {@code http} or {@code https}, a host and maybe a port
   * @param requestTimeoutMs how long one request may take; when it has passed, a call is not repeated
   */
  ConvexClient(Vertx vertx, URI deployment, String deployKey, long requestTimeoutMs) {
    this.vertx = vertx;
    this.requestTimeoutMs = requestTimeoutMs;
    this.address = deployment.getScheme() + "://" + deployment.getRawAuthority();
    this.authorization = "Convex " + deployKey;
    this.http = WebClient.create(vertx,
        new WebClientOptions().setConnectTimeout(CONNECT_TIMEOUT_MS).setFollowRedirects(false),
        new PoolOptions().setHttp1MaxSize(CONNECTIONS));
  }

  /** @param function {@code <module>:<name>} */
  Future<JsonNode> query(String function, ObjectNode arguments) {
    return call("query", true, function, arguments);
  }

  /** @param function {@code <module>:<name>} */
  Future<JsonNode> mutation(String function, ObjectNode arguments) {
    return call("mutation", true, function, arguments);
  }

  /** A mutation that is not called again unless Convex has said that it did not run. @param function {@code <module>:<name>} */
  Future<JsonNode> write(String function, ObjectNode arguments) {
    return call("mutation", false, function, arguments);
  }

  /** Lets the calls that were begun end. */
  Future<Void> close() {
    closed = true;
    return Future.join(underWay.stream().toList()).transform(ended -> {
      http.close();
      return Future.succeededFuture();
    });
  }

  private Future<JsonNode> call(String type, boolean maybeTwice, String function, ObjectNode arguments) {
    if (closed) {
      return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store is closed"));
    }
    if (!wellFormed(arguments)) {
      return Future.failedFuture(new PersistenceException(Kind.INVALID, "text with an unpaired surrogate cannot be stored"));
    }
    Promise<JsonNode> answer = Promise.promise();
    Future<JsonNode> future = answer.future();
    underWay.add(future);
    new Call(type, maybeTwice, function, arguments).attempt(1).onComplete(answer);
    return future.onComplete(ended -> underWay.remove(future));
  }

  private static boolean wellFormed(JsonNode arguments) {
    for (JsonNode argument : arguments) {
      if (argument.isTextual() ? !WellFormed.text(argument.textValue()).equals(argument.textValue()) : !wellFormed(argument)) {
        return false;
      }
    }
    return true;
  }

  /** One call, attempt by attempt. */
  private final class Call {
    private final String url;
    private final boolean maybeTwice;
    private final String function;
    private final Buffer body;
    private final long begunNanos = System.nanoTime();

    Call(String type, boolean maybeTwice, String function, ObjectNode arguments) {
      ObjectNode request = Json.object().put("path", function).put("format", "convex_encoded_json");
      request.putArray("args").add(arguments);
      this.url = address + "/api/" + type;
      this.maybeTwice = maybeTwice;
      this.function = function;
      this.body = Buffer.buffer(Json.bytes(request));
    }

    Future<JsonNode> attempt(int attempt) {
      return http.postAbs(url)
          .timeout(requestTimeoutMs)
          .putHeader(HttpHeaders.AUTHORIZATION.toString(), authorization)
          .putHeader(HttpHeaders.CONTENT_TYPE.toString(), "application/json")
          .sendBuffer(body)
          .transform(result -> result.failed()
              ? failed(unanswered(result.cause()), attempt)
              : accept(result.result(), attempt));
    }

    private Future<JsonNode> accept(HttpResponse<Buffer> response, int attempt) {
      if (response.statusCode() != 200 && response.statusCode() != FUNCTION_FAILED) {
        return failed(refused(function, response), attempt);
      }
      JsonNode answer = tree(response);
      return answer.path("status").asText().equals("success")
          ? Future.succeededFuture(answer.path("value"))
          : failed(functionFailure(function, answer), attempt);
    }

    private Future<JsonNode> failed(Failure failure, int attempt) {
      boolean timeLeft = System.nanoTime() - begunNanos < TimeUnit.MILLISECONDS.toNanos(requestTimeoutMs);
      return failure.passing && (failure.undone || maybeTwice) && timeLeft && attempt < MOST_ATTEMPTS
          ? vertx.timer(pause(attempt), TimeUnit.MILLISECONDS).compose(paused -> attempt(attempt + 1))
          : Future.failedFuture(failure.exception);
    }
  }

  /** Twice as long each time, and of a random length, so that those who collided do not meet again. */
  private static long pause(int attempt) {
    long longest = FIRST_PAUSE_MS << (attempt - 1);
    return ThreadLocalRandom.current().nextLong(longest / 2, longest + 1);
  }

  private static Failure unanswered(Throwable cause) {
    LOG.warn("Convex did not answer: {}", cause.toString());
    return cause instanceof TimeoutException
        ? Failure.lasting("the store did not answer in time")
        : Failure.passing(false, "the store cannot be reached");
  }

  /** The function ran, or there is none. What it refuses it says as data. */
  private static Failure functionFailure(String function, JsonNode answer) {
    if (!answer.path("status").asText().equals("error")) {
      return Failure.lasting(NOT_CONVEX);
    }
    String kind = answer.path("errorData").path("kind").asText();
    for (Kind each : Kind.values()) {
      if (each.name().equals(kind)) {
        return new Failure(false, true, new PersistenceException(each, "the store refused it"));
      }
    }
    String message = answer.path("errorMessage").asText();
    LOG.warn("Convex function {} failed: {}", function, message.substring(0, Math.min(message.length(), SHOWN_CHARACTERS)));
    return Failure.lasting(message.contains("Could not find public function")
        ? "the Convex deployment lacks the functions of this version of Agent Runtime: deploy conf/convex to it"
        : "the store failed");
  }

  /** The request did not come as far as a function. */
  private static Failure refused(String function, HttpResponse<Buffer> response) {
    int status = response.statusCode();
    String code = tree(response).path("code").asText();
    LOG.warn("Convex answered the call of {} with HTTP {} {}", function, status, code);
    return switch (status) {
      case 401, 403 -> Failure.lasting("Convex does not accept the deploy key");
      case 429 -> Failure.passing(true, "the store is overloaded");
      // With a code it comes from Convex, which takes no more or gave up on a conflict, and without one from what stands before it.
      case 503 -> Failure.passing(!code.isEmpty(), "the store failed (HTTP 503)");
      case 500, 502, 504 -> Failure.passing(false, "the store failed (HTTP " + status + ")");
      default -> Failure.lasting(NOT_CONVEX + " (HTTP " + status + ")");
    };
  }

  private static JsonNode tree(HttpResponse<Buffer> response) {
    try {
      return response.body() == null ? Json.object() : Json.tree(response.body().getBytes());
    } catch (IOException e) {
      return Json.object();
    }
  }
}
