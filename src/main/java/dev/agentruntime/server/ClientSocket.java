package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ClientMessage;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.session.Joined;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.http.WebSocketFrame;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import java.util.concurrent.TimeUnit;

/**
 * One client on {@code /ws}. Its messages are handled one after the other, in order; the next is read when the answer to the last has gone
 * out, so that a client that does not read is not read either.
 *
 * <p>Everything happens on the socket's event loop; {@link #drain()} may be called from any thread.
 */
final class ClientSocket implements FrameSink, LoopFeeds.LifecycleSink, ClientStreams.Connection, SocketTap.Listener {

  /** Largest message of a client that is not known yet. */
  private static final int MAX_AUTH_BYTES = 8 * 1024;

  /** How long a client may take to answer a close. */
  private static final long CLOSE_MS = 5_000;

  private final ServerWebSocket socket;
  private final ChannelHandlerContext context;
  private final EventLoop loop;
  private final Settings settings;
  private final ClientStreams streams;
  private final Authentication authentication;
  private final ApiSchemas schemas;
  private final LoopFeeds feeds;
  private final SocketOutbox outbox;
  private final SocketRequests requests;
  private final MessageAssembler assembler = new MessageAssembler();
  private final Map<String, FeedReader> readers = new HashMap<>();
  private final SequencedSet<FeedReader> lagging = new LinkedHashSet<>();
  private final List<FeedReader> wantSnapshot = new ArrayList<>();
  private final WatchQueue watchQueue = new WatchQueue();
  private final Promise<Void> closed = Promise.promise();
  private ScheduledFuture<?> authTimeout;
  private Heartbeat heartbeat;
  private boolean authenticated;
  private boolean badJson;
  private boolean busy;
  private boolean asked;
  private boolean closing;
  private boolean pumpScheduled;
  private boolean snapshotTaken;

  ClientSocket(ServerWebSocket socket, ChannelHandlerContext context, WebSocketEndpoint endpoint, boolean authenticated) {
    this.socket = socket;
    this.context = context;
    this.loop = context.channel().eventLoop();
    this.settings = endpoint.settings();
    this.streams = endpoint.streams();
    this.authentication = endpoint.authentication();
    this.schemas = endpoint.schemas();
    this.feeds = streams.feeds(loop);
    this.outbox = new SocketOutbox(context, settings.sockets().compression(), feeds.metrics(),
        () -> loop.execute(this::schedulePump));
    this.requests = new SocketRequests(endpoint.manager(), this);
    this.authenticated = authenticated;
  }

  /** Begins to read. On the event loop. */
  void open() {
    SocketTap.install(context, this, settings.sockets().sendBufferBytes());
    socket.pause();
    socket.closeHandler(nothing -> execute(this::gone));
    socket.exceptionHandler(cause -> { });
    socket.frameHandler(frame -> execute(() -> received(frame)));
    socket.pongHandler(pong -> heartbeat.heard());
    feeds.metrics().socketsOpen.incrementAndGet();
    if (!authenticated) {
      authTimeout = loop.schedule(() -> close(CloseCode.NOT_AUTHENTICATED, "not authenticated in time"),
          settings.sockets().authTimeoutMs(), TimeUnit.MILLISECONDS);
    }
    heartbeat = new Heartbeat(socket, context, outbox, settings.sockets().pingIntervalMs(), () -> busy);
    readOn();
  }

  private void execute(Runnable work) {
    if (loop.inEventLoop()) {
      work.run();
    } else {
      loop.execute(work);
    }
  }

  /** Runs {@code work} on the event loop. @return when that is done */
  Future<Void> onLoop(Runnable work) {
    Promise<Void> done = Promise.promise();
    execute(() -> {
      work.run();
      done.complete();
    });
    return done.future();
  }

  private void received(WebSocketFrame frame) {
    heartbeat.heard();
    if (closing || !(frame.isText() || frame.isBinary() || frame.isContinuation())) {
      return;
    }
    asked = false;
    switch (assembler.add(frame, authenticated ? settings.limits().requestBytes() : MAX_AUTH_BYTES)) {
      case MORE_TO_COME -> readOn();
      case TOO_LARGE -> close(CloseCode.BAD_MESSAGE, "the message is larger than the server accepts");
      case BINARY -> notJson("A message must be JSON in a text frame, not in a binary one.");
      case TEXT -> text(assembler.take());
    }
  }

  private void text(Buffer message) {
    JsonNode json;
    try {
      json = Json.tree(message.getBytes());
    } catch (IOException e) {
      notJson("The frame is not JSON.");
      return;
    }
    if (json.isMissingNode()) {
      notJson("The frame is empty.");
      return;
    }
    badJson = false;
    busy = true;
    handle(json).onComplete(answer -> execute(() -> {
      busy = false;
      readOn();
    }));
  }

  private Future<Void> handle(JsonNode json) {
    JsonNode id = json.get("id");
    try {
      ClientMessage message = schemas.clientMessage(json);
      if (!authenticated && !(message instanceof ClientMessage.Auth)) {
        close(CloseCode.NOT_AUTHENTICATED, "not authenticated");
        return Future.succeededFuture();
      }
      return requests.handle(message);
    } catch (ApiException e) {
      if (authenticated) {
        send(SocketFrames.error(e, id, json.path("sessionId").textValue()));
      } else {
        close(CloseCode.NOT_AUTHENTICATED, "not authenticated");
      }
    } catch (RuntimeException e) {
      send(SocketFrames.error(ErrorResponses.toApiException(e, "a WebSocket message"), id, null));
    }
    return Future.succeededFuture();
  }

  private void notJson(String what) {
    if (badJson || !authenticated) {
      close(CloseCode.BAD_MESSAGE, "not JSON");
      return;
    }
    badJson = true;
    send(SocketFrames.error(new ApiException(ErrorCode.INVALID_REQUEST, what), null, null));
    readOn();
  }

  /** Asks for the next frame, if none is asked for and nothing is in its way. */
  private void readOn() {
    if (!asked && !busy && !closing && outbox.isEmpty()) {
      asked = true;
      socket.fetch(1);
    }
  }

  void authenticate(String token, JsonNode id) {
    if (!authentication.accepts(token)) {
      close(CloseCode.NOT_AUTHENTICATED, "the API key is not valid");
      return;
    }
    authenticated = true;
    if (authTimeout != null) {
      authTimeout.cancel(false);
    }
    send(SocketFrames.answer("authenticated", id, null));
  }

  /** A reader for the session, in place of the one there may be. */
  FeedReader join(String sessionId) {
    leave(sessionId);
    FeedReader reader = new FeedReader(feeds, this, sessionId);
    if (closing) {
      reader.leave();
    } else {
      readers.put(sessionId, reader);
    }
    return reader;
  }

  void leave(String sessionId) {
    FeedReader reader = readers.remove(sessionId);
    if (reader != null) {
      reader.leave();
      lagging.remove(reader);
    }
  }

  void watch(boolean on) {
    if (on && !closing) {
      feeds.watch(this);
    } else {
      feeds.unwatch(this);
      watchQueue.clear();
    }
  }

  void send(ByteBuf text) {
    outbox.message(text);
  }

  @Override
  public long bytesHeld() {
    return outbox.bytesHeld();
  }

  @Override
  public void lifecycle(LifecycleEvent event, byte[] json) {
    if (outbox.writable() && watchQueue.isEmpty()) {
      send(Unpooled.wrappedBuffer(json));
    } else {
      watchQueue.add(event, json);
      schedulePump();
    }
  }

  @Override
  public boolean writable() {
    return outbox.writable();
  }

  @Override
  public void write(Batch batch) {
    outbox.batch(batch);
  }

  @Override
  public void enlist(FeedReader reader) {
    lagging.add(reader);
    schedulePump();
  }

  @Override
  public boolean snapshotBegun(FeedReader reader) {
    if (snapshotTaken) {
      wantSnapshot.add(reader);
      return false;
    }
    snapshotTaken = true;
    return true;
  }

  @Override
  public void snapshotDone() {
    snapshotTaken = false;
    wantSnapshot.forEach(this::enlist);
    wantSnapshot.clear();
  }

  @Override
  public void joined(Joined joined, JsonNode id) {
    outbox.joined(joined, id);
  }

  @Override
  public void left(FeedReader reader, String reason) {
    readers.remove(reader.sessionId(), reader);
    lagging.remove(reader);
    send(SocketFrames.left(reader.sessionId(), null, reason));
  }

  @Override
  public void troubled(FeedReader reader, ApiException problem) {
    send(SocketFrames.error(problem, null, reader.sessionId()));
  }

  /** Never at once: writability changes in the middle of a write. */
  private void schedulePump() {
    if (!pumpScheduled) {
      pumpScheduled = true;
      loop.execute(this::pump);
    }
  }

  private void pump() {
    pumpScheduled = false;
    if (closing) {
      return;
    }
    outbox.flush();
    while (outbox.writable() && !watchQueue.isEmpty()) {
      byte[] next = watchQueue.pollMissed() ? missedSome() : watchQueue.poll();
      send(Unpooled.wrappedBuffer(next));
    }
    while (outbox.writable() && !lagging.isEmpty()) {
      FeedReader reader = lagging.removeFirst();
      if (reader.pump()) {
        lagging.add(reader);
      }
    }
    readOn();
  }

  private static byte[] missedSome() {
    return Json.bytes(Json.object().put("event", "sessions:watching")
        .set("data", Json.object().put("watching", true).put("missed", true)));
  }

  @Override
  public void writabilityChanged() {
    schedulePump();
  }

  @Override
  public boolean badFrame(boolean tooLarge) {
    close(tooLarge ? CloseCode.BAD_MESSAGE : CloseCode.PROTOCOL_ERROR,
        tooLarge ? "the message is larger than the server accepts" : "not a WebSocket frame");
    return true;
  }

  /** Says why, and hangs up if the client does not answer. */
  void close(short code, String reason) {
    if (closing) {
      return;
    }
    stop();
    socket.close(code, reason);
    loop.schedule(() -> context.close(), CLOSE_MS, TimeUnit.MILLISECONDS);
  }

  private void stop() {
    closing = true;
    readers.values().forEach(FeedReader::leave);
    readers.clear();
    lagging.clear();
    feeds.unwatch(this);
    outbox.close();
    heartbeat.stop();
    if (authTimeout != null) {
      authTimeout.cancel(false);
    }
  }

  private void gone() {
    if (!closing) {
      stop();
    }
    feeds.metrics().socketsOpen.decrementAndGet();
    streams.remove(this);
    closed.tryComplete();
  }

  @Override
  public Future<Void> drain() {
    execute(() -> close(CloseCode.GOING_AWAY, "the server is shutting down; reconnect"));
    return closed.future();
  }
}
