package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.session.Joined;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.impl.HttpServerConnection;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.TimeUnit;

/**
 * One client of a session's server-sent events. Begins with {@code session:joined}, as a WebSocket does; an event without a place in the
 * stream has no {@code id:}, so that a client comes back with the last that has one.
 *
 * <p>Everything happens on the connection's event loop; {@link #drain()} may be called from any thread.
 */
final class EventStream implements FrameSink, ClientStreams.Connection, SocketTap.Listener {

  static final String CONTENT_TYPE = "text/event-stream";

  private static final int SLICE_BYTES = 32 * 1024;

  private final HttpServerResponse response;
  private final ClientStreams streams;
  private final ChannelHandlerContext context;
  private final Channel channel;
  private final EventLoop loop;
  private final LoopFeeds feeds;
  private final Settings.Sockets settings;
  private final Promise<Void> closed = Promise.promise();
  private final OutgoingQueue waiting = new OutgoingQueue();
  private FeedReader reader;
  private Runnable untap;
  private ScheduledFuture<?> heartbeat;
  private boolean enlisted;
  private boolean pumpScheduled;
  private boolean gone;

  EventStream(RoutingContext request, ClientStreams streams, Settings.Sockets settings) {
    this.response = request.response();
    this.streams = streams;
    this.context = ((HttpServerConnection) request.request().connection()).channelHandlerContext();
    this.channel = context.channel();
    this.loop = channel.eventLoop();
    this.feeds = streams.feeds(loop);
    this.settings = settings;
  }

  /** Answers the request. On its context. */
  void open(Joined joined) {
    feeds.metrics().streamsOpen.incrementAndGet();
    response.setChunked(true)
        .putHeader(HttpHeaders.CONTENT_TYPE, CONTENT_TYPE)
        .putHeader("X-Accel-Buffering", "no");
    response.closeHandler(nothing -> execute(this::gone));
    response.exceptionHandler(cause -> { });
    execute(() -> begin(joined));
  }

  private void begin(Joined joined) {
    untap = SocketTap.install(context, this, settings.sendBufferBytes());
    heartbeat = loop.scheduleAtFixedRate(this::beat, settings.pingIntervalMs(), settings.pingIntervalMs(), TimeUnit.MILLISECONDS);
    reader = new FeedReader(feeds, this, joined.log().sessionId());
    reader.start(joined, null);
    if (response.closed()) {
      gone();
    }
  }

  private void execute(Runnable work) {
    if (loop.inEventLoop()) {
      work.run();
    } else {
      loop.execute(work);
    }
  }

  @Override
  public boolean writable() {
    return !gone && waiting.isEmpty() && room();
  }

  /** Not {@code response.writeQueueFull()}, which says so many writes later, and takes that back in its own time. */
  private boolean room() {
    return channel.isWritable();
  }

  @Override
  public void writabilityChanged() {
    schedulePump();
  }

  @Override
  public void write(Batch batch) {
    if (!batch.large()) {
      send(Outgoing.of(batch.encoded(FrameFormat.SERVER_SENT_EVENT)));
      return;
    }
    for (Frame frame : batch.frames()) {
      send(Outgoing.frame(batch.sessionId(), FrameFormat.lines(batch.epoch(), frame.seq(), FrameEncoder.name(frame.event())), frame, "\n\n",
          this::goOn));
    }
  }

  @Override
  public void enlist(FeedReader lagging) {
    enlisted = true;
    schedulePump();
  }

  @Override
  public boolean snapshotBegun(FeedReader asking) {
    return true;
  }

  @Override
  public void snapshotDone() {
    // A stream has one session, so there is never another that waits.
  }

  @Override
  public void joined(Joined joined, JsonNode id) {
    feeds.metrics().framesOut.increment();
    send(Outgoing.joined(FrameFormat.lines(joined.log().epoch(), joined.seq(), "session:joined"), SocketFrames.joined(joined, null), joined,
        "\n\n", this::goOn));
  }

  @Override
  public void left(FeedReader leaving, String reason) {
    event("session:left", SocketFrames.left(leaving.sessionId(), null, reason));
    finish();
  }

  @Override
  public void troubled(FeedReader troubled, ApiException problem) {
    event("error", SocketFrames.error(problem, null, troubled.sessionId()));
  }

  private void event(String name, ByteBuf json) {
    feeds.metrics().framesOut.increment();
    send(Outgoing.of(Unpooled.wrappedBuffer(3, SocketFrames.utf8("event: " + name + "\ndata: "), json, SocketFrames.utf8("\n\n"))));
  }

  private void send(Outgoing text) {
    if (gone) {
      text.release();
      return;
    }
    waiting.add(text);
    flush();
  }

  /** From any thread. */
  private void goOn() {
    loop.execute(this::schedulePump);
  }

  /** Large texts go in slices, each as the connection takes it. */
  private void flush() {
    while (!waiting.isEmpty() && room()) {
      ByteBuf slice = waiting.next(waiting.bytesHeldOfNext() <= 2 * SLICE_BYTES ? 2 * SLICE_BYTES : SLICE_BYTES);
      if (slice == null) {
        if (waiting.failed()) {
          context.close();
        }
        return;
      }
      feeds.metrics().bytesOut.increment(slice.readableBytes());
      response.write(BufferInternal.buffer(slice));
    }
  }

  private void schedulePump() {
    if (!pumpScheduled) {
      pumpScheduled = true;
      loop.execute(() -> {
        pumpScheduled = false;
        pump();
      });
    }
  }

  private void pump() {
    if (gone) {
      return;
    }
    flush();
    while (enlisted && writable()) {
      enlisted = reader.pump();
    }
  }

  @Override
  public long bytesHeld() {
    var pending = channel.unsafe().outboundBuffer();
    return waiting.bytesHeld() + (pending == null ? 0 : pending.totalPendingWriteBytes());
  }

  private void beat() {
    if (writable()) {
      response.write(": still here\n\n");
    }
  }

  private void finish() {
    if (!gone) {
      flush();
      waiting.drop();
      response.end();
      gone();
    }
  }

  private void gone() {
    if (gone) {
      return;
    }
    gone = true;
    if (reader != null) {
      reader.leave();
      heartbeat.cancel(false);
      untap.run();
    }
    waiting.drop();
    feeds.metrics().streamsOpen.decrementAndGet();
    streams.remove(this);
    closed.tryComplete();
  }

  @Override
  public Future<Void> drain() {
    execute(this::finish);
    return closed.future();
  }
}
