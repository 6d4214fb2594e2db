package dev.agentruntime.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.vertx.core.AbstractVerticle;
import io.vertx.core.Context;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.internal.http.WebSocketInternal;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The reference for the fan-out: a Vert.x server that sends one prepared frame to all its WebSockets, as often as it is told to.
 *
 * <p>{@code plain} writes a text message per frame; {@code batched} writes {@value #BATCH} frames in one write, if that many are due. Neither
 * is ahead of its slowest reader.
 */
public final class BareServer {

  static final int BATCH = 8;

  private static final String TEXT = "{\"event\":\"session:block:delta\",\"seq\":123456,\"data\":{\"sessionId\":"
      + "\"390f638b-212a-41c4-a328-5188ba282271\",\"conversationId\":\"main\",\"blockId\":\"msg_01GmDvgmF0L0Y9XmlANqxSSU:0\","
      + "\"delta\":\"word12345 \"}}";

  private final Vertx vertx = Vertx.vertx();
  private final boolean batched;
  private final List<Loop> loops = new ArrayList<>();

  private BareServer(boolean batched) {
    this.batched = batched;
  }

  /** @param arguments {@code plain} or {@code batched} */
  public static void main(String[] arguments) throws Exception {
    Child.quiet();
    new BareServer(arguments[0].equals("batched")).run();
  }

  private void run() throws Exception {
    int port = 20_000 + (int) (ProcessHandle.current().pid() % 10_000);
    vertx.deployVerticle(() -> new Loop(port), new DeploymentOptions().setInstances(Runtime.getRuntime().availableProcessors())).await();
    System.out.println(Child.ANSWER + port);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      int count = Integer.parseInt(words[1]);
      long everyMs = Long.parseLong(words[2]);
      for (Loop loop : loops) {
        loop.context().runOnContext(v -> loop.broadcast(count, everyMs));
      }
    }
  }

  /** One event loop and its sockets. */
  private final class Loop extends AbstractVerticle {

    private final int port;
    private final List<ServerWebSocket> sockets = new ArrayList<>();
    private ByteBuf eight;
    private ByteBuf one;

    Loop(int port) {
      this.port = port;
    }

    Context context() {
      return context;
    }

    @Override
    public void start(Promise<Void> started) {
      synchronized (loops) {
        loops.add(this);
      }
      one = frames(1);
      eight = frames(BATCH);
      vertx.createHttpServer(new HttpServerOptions().setHost("127.0.0.1").setPort(port).setPerFrameWebSocketCompressionSupported(false)
              .setPerMessageWebSocketCompressionSupported(false))
          .webSocketHandler(socket -> {
            sockets.add(socket);
            socket.closeHandler(v -> sockets.remove(socket));
          })
          .listen().<Void>mapEmpty().onComplete(started);
    }

    private static ByteBuf frames(int count) {
      byte[] text = TEXT.getBytes(StandardCharsets.UTF_8);
      ByteBuf frames = Unpooled.directBuffer(count * (text.length + 4));
      for (int i = 0; i < count; i++) {
        frames.writeByte(0x81).writeByte(126).writeShort(text.length).writeBytes(text);
      }
      return frames;
    }

    void broadcast(int left, long everyMs) {
      if (left <= 0 || sockets.isEmpty()) {
        return;
      }
      if (everyMs > 0) {
        write(1);
        vertx.setTimer(everyMs, t -> broadcast(left - 1, everyMs));
        return;
      }
      for (ServerWebSocket socket : sockets) {
        if (!context(socket).channel().isWritable()) {
          vertx.setTimer(1, t -> broadcast(left, 0));
          return;
        }
      }
      int count = Math.min(left, BATCH);
      write(count);
      context.runOnContext(v -> broadcast(left - count, 0));
    }

    private void write(int count) {
      if (batched && (count == 1 || count == BATCH)) {
        ByteBuf bytes = count == 1 ? one : eight;
        for (ServerWebSocket socket : sockets) {
          ChannelHandlerContext netty = context(socket);
          netty.writeAndFlush(bytes.retainedDuplicate(), netty.voidPromise());
        }
      } else {
        for (int i = 0; i < count; i++) {
          for (ServerWebSocket socket : sockets) {
            socket.writeTextMessage(TEXT);
          }
        }
      }
    }

    private static ChannelHandlerContext context(ServerWebSocket socket) {
      return ((WebSocketInternal) socket).channelHandlerContext();
    }
  }
}
