package dev.agentruntime.session;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.SendMessage;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Sessions on the event bus, for sibling verticles. Bodies are {@link JsonObject}s, those of the REST calls; a failure is a reply failure
 * with the HTTP status and the error's JSON. Every stored session has its address, loaded or not. Thread-safe.
 */
final class SessionBus {

  static final String SESSIONS = "agent-runtime.sessions";
  static final String SESSION = "agent-runtime.session.";
  static final String LIFECYCLE = "agent-runtime.lifecycle";
  private static final int DEFAULT_LIMIT = 50;

  private final Vertx vertx;
  private final SessionManager manager;
  private final Map<String, MessageConsumer<Object>> consumers = new ConcurrentHashMap<>();
  private final DeliveryOptions frames = new DeliveryOptions();
  private MessageConsumer<Object> collection;

  SessionBus(Vertx vertx, SessionManager manager) {
    this.vertx = vertx;
    this.manager = manager;
    if (!vertx.isClustered()) {
      FrameCodec.register(vertx.eventBus());
      frames.setCodecName(FrameCodec.NAME);
    }
  }

  Future<Void> start() {
    collection = vertx.eventBus().consumer(SESSIONS, message -> answer(message, this::aboutSessions));
    return collection.completion();
  }

  Future<Void> stop() {
    consumers.values().forEach(MessageConsumer::unregister);
    consumers.clear();
    return collection == null ? Future.succeededFuture() : collection.unregister();
  }

  void register(String sessionId) {
    consumers.computeIfAbsent(sessionId, id ->
        vertx.eventBus().consumer(SESSION + id, message -> answer(message, (action, body) -> aboutSession(id, action, body))));
  }

  void unregister(String sessionId) {
    MessageConsumer<Object> consumer = consumers.remove(sessionId);
    if (consumer != null) {
      consumer.unregister();
    }
  }

  void publish(String sessionId, Frame frame) {
    String address = SESSION + sessionId + ".events";
    if (vertx.isClustered()) {
      vertx.eventBus().publish(address, new JsonObject(Buffer.buffer(frame.json())));
    } else {
      vertx.eventBus().publish(address, frame, frames);
    }
  }

  void publish(LifecycleEvent event) {
    if (!(event instanceof LifecycleEvent.Status)) {
      vertx.eventBus().publish(LIFECYCLE, new JsonObject(Buffer.buffer(LifecycleEvent.encode(event))));
    }
  }

  private interface Action {
    Future<?> run(String action, ObjectNode body) throws IOException;
  }

  private void answer(Message<Object> message, Action action) {
    Future<?> result;
    try {
      String name = message.headers().get("action");
      result = action.run(name == null ? "" : name, body(message.body()));
    } catch (IOException | IllegalArgumentException e) {
      result = Future.failedFuture(new ApiException(ErrorCode.INVALID_REQUEST, "The body does not fit the action.", e));
    } catch (RuntimeException e) {
      result = Future.failedFuture(e);
    }
    result.onSuccess(value -> message.reply(json(value))).onFailure(failure -> {
      ApiException refusal = ErrorTranslation.toApi(failure);
      message.fail(refusal.code().status(), Json.text(refusal.json()));
    });
  }

  private Future<?> aboutSessions(String action, ObjectNode body) throws IOException {
    return switch (action) {
      case "create" -> manager.create(read(body, CreateSession.class));
      case "list" -> manager.list(body.path("limit").asInt(DEFAULT_LIMIT), body.path("after").asText(null));
      case "profiles" -> manager.profiles().map(profiles -> Map.of("profiles", profiles));
      default -> throw unknown(action, "create, list, profiles");
    };
  }

  private Future<?> aboutSession(String id, String action, ObjectNode body) throws IOException {
    return switch (action) {
      case "get" -> manager.get(id);
      case "message" -> manager.message(id, read(body, SendMessage.class)).map(accepted -> {
        ObjectNode answer = Json.object().put("success", true).put("sessionId", id);
        answer.setAll(Json.<ObjectNode>toTree(accepted));
        return answer;
      });
      case "interrupt" -> manager.interrupt(id);
      case "options" -> manager.options(id, object(body.path("sessionOptions")))
          .map(options -> Json.object().put("sessionId", id).set("sessionOptions", options));
      case "sync" -> manager.sync(id);
      case "unload" -> manager.unload(id);
      case "delete" -> manager.delete(id);
      default -> throw unknown(action, "get, message, interrupt, options, sync, unload, delete");
    };
  }

  private static ApiException unknown(String action, String known) {
    return new ApiException(ErrorCode.INVALID_REQUEST, "The header action is '" + action + "' and not one of " + known + ".");
  }

  private static ObjectNode body(Object body) throws IOException {
    return switch (body) {
      case null -> Json.object();
      case JsonObject json -> object(Json.tree(json.toBuffer().getBytes()));
      case Buffer json -> object(Json.tree(json.getBytes()));
      case String json -> object(Json.tree(json));
      default -> throw new ApiException(ErrorCode.INVALID_REQUEST, "The body is not a JSON object.");
    };
  }

  private static ObjectNode object(JsonNode node) {
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw new ApiException(ErrorCode.INVALID_REQUEST, "A JSON object is expected.");
  }

  private static <T> T read(ObjectNode body, Class<T> type) throws IOException {
    return Json.STRICT.forType(type).readValue(body);
  }

  private static JsonObject json(Object value) {
    return switch (value) {
      case null -> new JsonObject().put("success", true);
      case byte[] bytes -> new JsonObject(Buffer.buffer(bytes));
      default -> new JsonObject(Buffer.buffer(Json.bytes(value)));
    };
  }
}
