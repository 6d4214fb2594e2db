package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.SendMessage;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryContext;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.VertxInternal;
import io.vertx.core.json.JsonObject;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Sessions on the event bus, for sibling verticles. Bodies are {@link JsonObject}s, those of the REST calls; a failure is a reply failure
 * with the HTTP status and the error's JSON. Thread-safe.
 *
 * <p>Every stored session has its address, loaded or not. In one process an address is made when somebody first sends to it, so that a
 * start costs nothing for the sessions that are merely stored; to be found from another member of a cluster, it has to be there before. The
 * address of a session that is deleted, or that never was, answers 404 until there are many others of the kind, so that who has not heard
 * of it yet is told.
 */
final class SessionBus {

  static final String SESSIONS = "agent-runtime.sessions";
  static final String SESSION = "agent-runtime.session.";
  static final String LIFECYCLE = "agent-runtime.lifecycle";
  private static final int SESSION_ID_LENGTH = 36;
  private static final int DEFAULT_LIMIT = 50;
  private static final int ADDRESSES_OF_NOBODY = 1_000;

  private record Options(ObjectNode sessionOptions) {}

  private record Page(Integer limit, String after) {}

  private interface Action {
    Future<?> run(BusRequest request);
  }

  private final Vertx vertx;
  private final SessionManager manager;
  /** Of our own: a consumer ends with the verticle on whose context it was made. */
  private final ContextInternal context;
  private final Map<String, MessageConsumer<Object>> consumers = new ConcurrentHashMap<>();
  private final Deque<String> nobodys = new ArrayDeque<>();
  private final Handler<DeliveryContext<Object>> onDemand = this::makeAddress;
  private final BusListeners listeners;
  private final DeliveryOptions frames = new DeliveryOptions();
  private MessageConsumer<Object> collection;

  SessionBus(Vertx vertx, SessionManager manager) {
    this.vertx = vertx;
    this.manager = manager;
    this.context = ((VertxInternal) vertx).createEventLoopContext();
    this.listeners = new BusListeners(vertx.eventBus());
    if (!vertx.isClustered()) {
      FrameCodec.register(vertx.eventBus());
      frames.setCodecName(FrameCodec.NAME);
    }
  }

  Future<Void> start() {
    if (!vertx.isClustered()) {
      vertx.eventBus().addOutboundInterceptor(onDemand);
    }
    return inContext(() -> {
      collection = vertx.eventBus().consumer(SESSIONS, message -> answer(message, this::aboutSessions));
      return collection.completion();
    });
  }

  Future<Void> stop() {
    vertx.eventBus().removeOutboundInterceptor(onDemand);
    consumers.values().forEach(MessageConsumer::unregister);
    consumers.clear();
    return collection == null ? Future.succeededFuture() : collection.unregister();
  }

  /** Whether sessions have to be {@linkplain #register registered} before somebody sends to them. */
  boolean isDistributed() {
    return vertx.isClustered();
  }

  /** Done when the session can be reached from every member of a cluster. */
  Future<Void> register(String sessionId) {
    return isDistributed() ? inContext(() -> consumer(sessionId).completion()) : Future.succeededFuture();
  }

  /** Before a message is delivered. Called on the sender's thread, for every message of the bus. */
  private void makeAddress(DeliveryContext<Object> delivery) {
    String address = delivery.message().address();
    if (address.startsWith(SESSION) && address.length() == SESSION.length() + SESSION_ID_LENGTH) {
      String sessionId = address.substring(SESSION.length());
      if (!consumers.containsKey(sessionId) && SessionManager.isSessionId(sessionId)) {
        inContext(() -> consumer(sessionId));
      }
    }
    delivery.next();
  }

  private MessageConsumer<Object> consumer(String sessionId) {
    return consumers.computeIfAbsent(sessionId, id ->
        vertx.eventBus().consumer(SESSION + id, message -> answer(message, request -> aboutSession(id, request).onFailure(failure -> {
          if (failure instanceof ApiException refusal && refusal.code() == ErrorCode.SESSION_NOT_FOUND) {
            unregisterLater(id);
          }
        }))));
  }

  /** The address goes when it has as many after it as are kept. */
  void unregisterLater(String sessionId) {
    String oldest = null;
    synchronized (nobodys) {
      nobodys.add(sessionId);
      if (nobodys.size() > ADDRESSES_OF_NOBODY) {
        oldest = nobodys.poll();
      }
    }
    MessageConsumer<Object> consumer = oldest == null ? null : consumers.remove(oldest);
    if (consumer != null) {
      consumer.unregister();
    }
  }

  /** On the calling thread: a message that is being sent does not wait for its address. */
  private <T> T inContext(Supplier<T> work) {
    ContextInternal before = context.beginDispatch();
    try {
      return work.get();
    } finally {
      context.endDispatch(before);
    }
  }

  /** Publishes the frames of a session. */
  Consumer<Frame> events(String sessionId) {
    String address = SESSION + sessionId + ".events";
    if (isDistributed()) {
      return frame -> vertx.eventBus().publish(address, new JsonObject(Buffer.buffer(frame.json())));
    }
    return frame -> {
      if (listeners.at(address)) {
        vertx.eventBus().publish(address, frame, frames);
      }
    };
  }

  void publish(LifecycleEvent event) {
    if (!(event instanceof LifecycleEvent.Status)) {
      vertx.eventBus().publish(LIFECYCLE, new JsonObject(Buffer.buffer(LifecycleEvent.encode(event))));
    }
  }

  private static void answer(Message<Object> message, Action action) {
    Future<?> result;
    try {
      result = action.run(BusRequest.of(message));
    } catch (RuntimeException e) {
      result = Future.failedFuture(e);
    }
    result.onSuccess(value -> message.reply(json(value))).onFailure(failure -> {
      ApiException refusal = ErrorTranslation.toApi(failure);
      message.fail(refusal.code().status(), Json.text(refusal.json()));
    });
  }

  private Future<?> aboutSessions(BusRequest request) {
    return switch (request.action()) {
      case "create" -> manager.create(request.as(CreateSession.class));
      case "list" -> {
        Page page = request.as(Page.class);
        yield manager.list(page.limit() == null ? DEFAULT_LIMIT : page.limit(), page.after());
      }
      case "profiles" -> {
        request.requireEmpty();
        yield manager.profiles().map(profiles -> Map.of("profiles", profiles));
      }
      default -> throw request.unknownAction("create, list, profiles");
    };
  }

  private Future<?> aboutSession(String id, BusRequest request) {
    return switch (request.action()) {
      case "message" -> manager.message(id, request.as(SendMessage.class)).map(accepted -> {
        ObjectNode answer = done(id);
        answer.setAll(Json.<ObjectNode>toTree(accepted));
        return answer;
      });
      case "options" -> manager.options(id, request.as(Options.class).sessionOptions())
          .map(options -> Json.object().put("sessionId", id).set("sessionOptions", options));
      case "get" -> {
        request.requireEmpty();
        yield manager.get(id);
      }
      case "interrupt" -> command(id, request, manager::interrupt);
      case "sync" -> command(id, request, manager::sync);
      case "unload" -> command(id, request, manager::unload);
      case "delete" -> command(id, request, manager::delete);
      default -> throw request.unknownAction("get, message, interrupt, options, sync, unload, delete");
    };
  }

  private static Future<?> command(String id, BusRequest request, Function<String, Future<Void>> command) {
    request.requireEmpty();
    return command.apply(id).map(done(id));
  }

  private static ObjectNode done(String id) {
    return Json.object().put("success", true).put("sessionId", id);
  }

  private static JsonObject json(Object value) {
    return new JsonObject(Buffer.buffer(value instanceof byte[] bytes ? bytes : Json.bytes(value)));
  }
}
