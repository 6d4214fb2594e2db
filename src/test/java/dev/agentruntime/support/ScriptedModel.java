package dev.agentruntime.support;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The Anthropic Messages API on loopback, with answers from a script ({@link ModelScript}), so that the real agent runs without an
 * account. Keeps every request for the tests to look at.
 */
public final class ScriptedModel implements AutoCloseable {

  private static final long PATIENCE_SECONDS = 10;

  private final Vertx vertx;
  private final HttpServer server;
  private final ModelScript script = new ModelScript();
  private final List<Asked> asked = new CopyOnWriteArrayList<>();

  /** A request for a message. @param betas the API's features that it wants, between commas; {@code null} for none */
  public record Asked(String apiKey, String betas, JsonObject body) {

    public String model() {
      return body.getString("model");
    }

    /** The system prompt, in the request's own field and in messages of that role. */
    public String system() {
      var texts = new ArrayList<String>();
      Object system = body.getValue("system");
      texts.add(system instanceof JsonArray parts ? ModelScript.text(new JsonObject().put("content", parts)) : String.valueOf(system));
      for (int i = 0; i < messages().size(); i++) {
        if ("system".equals(messages().getJsonObject(i).getString("role"))) {
          texts.add(ModelScript.text(messages().getJsonObject(i)));
        }
      }
      return String.join("\n", texts);
    }

    public List<String> tools() {
      return body.getJsonArray("tools", new JsonArray()).stream().map(tool -> ((JsonObject) tool).getString("name")).toList();
    }

    public JsonArray messages() {
      return body.getJsonArray("messages");
    }
  }

  private ScriptedModel(Vertx vertx) {
    this.vertx = vertx;
    this.server = vertx.createHttpServer();
  }

  public static ScriptedModel start(Vertx vertx) throws Exception {
    var model = new ScriptedModel(vertx);
    model.server.requestHandler(model::handle).listen(0, "127.0.0.1").toCompletionStage().toCompletableFuture()
        .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    return model;
  }

  public String baseUrl() {
    return "http://127.0.0.1:" + server.actualPort();
  }

  /** Requests for messages, in the order they came. */
  public List<Asked> asked() {
    return List.copyOf(asked);
  }

  /** The last request whose messages hold {@code text}. */
  public Asked lastAskedWith(String text) {
    return asked.stream().filter(request -> request.messages().encode().contains(text)).reduce((first, second) -> second)
        .orElseThrow(() -> new AssertionError("no request with " + text));
  }

  @Override
  public void close() throws TimeoutException {
    server.close().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  private void handle(HttpServerRequest request) {
    switch (request.method() + " " + request.path()) {
      case "POST /v1/messages" -> request.body().onSuccess(body -> message(request, body));
      case "POST /v1/messages/count_tokens" -> request.body()
          .onSuccess(body -> json(request, 200, new JsonObject().put("input_tokens", body.length() / 4)));
      case "GET /v1/models" -> json(request, 200, new JsonObject().put("has_more", false).put("data",
          new JsonArray().add(new JsonObject().put("type", "model").put("id", "scripted").put("display_name", "Scripted"))));
      default -> json(request, 404, error("not_found_error", request.path()));
    }
  }

  private void message(HttpServerRequest request, Buffer bytes) {
    JsonObject body = bytes.toJsonObject();
    asked.add(new Asked(request.getHeader("x-api-key"), request.getHeader("anthropic-beta"), body));
    switch (script.reply(body)) {
      case ModelScript.Failure failure -> json(request, failure.status(), error(failure.type(), failure.message()));
      case ModelScript.Message message -> {
        var stream = new ModelStream(vertx, request, body.getString("model"),
            100 + body.getJsonArray("messages").size() + message.tokens());
        if (body.getBoolean("stream", false)) {
          stream.play(message);
        } else {
          json(request, 200, stream.whole(message));
        }
      }
    }
  }

  private static JsonObject error(String type, String message) {
    return new JsonObject().put("type", "error").put("error", new JsonObject().put("type", type).put("message", message))
        .put("request_id", "req_" + UUID.randomUUID());
  }

  private static void json(HttpServerRequest request, int status, JsonObject body) {
    request.response().setStatusCode(status).putHeader("content-type", "application/json").end(body.toBuffer());
  }
}
