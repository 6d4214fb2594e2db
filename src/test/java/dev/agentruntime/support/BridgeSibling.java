package dev.agentruntime.support;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetSocket;
import io.vertx.core.parsetools.RecordParser;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A program that is no Vert.x member: it speaks to the TCP event-bus bridge, JSON behind a length of four bytes. */
public final class BridgeSibling implements Sibling {

  private final NetSocket socket;
  private final Map<String, Heard> heard = new ConcurrentHashMap<>();
  private final Map<String, CompletableFuture<JsonObject>> replies = new ConcurrentHashMap<>();
  private volatile CompletableFuture<JsonObject> pong = new CompletableFuture<>();

  public BridgeSibling(Vertx vertx, int port) {
    socket = TestRuntime.await(vertx.createNetClient().connect(port, "127.0.0.1"));
    RecordParser parser = RecordParser.newFixed(4);
    boolean[] atLength = {true};
    parser.handler(record -> {
      if (atLength[0]) {
        parser.fixedSizeMode(record.getInt(0));
      } else {
        parser.fixedSizeMode(4);
        received(record.toJsonObject());
      }
      atLength[0] = !atLength[0];
    });
    socket.handler(parser);
  }

  private void received(JsonObject frame) {
    String address = frame.getString("address");
    if (frame.getString("type").equals("pong")) {
      pong.complete(frame);
    } else if (address != null && replies.containsKey(address)) {
      replies.remove(address).complete(frame);
    } else if (address != null && heard.containsKey(address)) {
      heard.get(address).add(frame.getJsonObject("body"));
    } else {
      throw new AssertionError("what is this: " + frame);
    }
  }

  @Override
  public Reply ask(String address, String action, Object body) {
    String replyAddress = UUID.randomUUID().toString();
    CompletableFuture<JsonObject> reply = new CompletableFuture<>();
    replies.put(replyAddress, reply);
    write(new JsonObject().put("type", "send").put("address", address).put("replyAddress", replyAddress).put("body", body)
        .put("headers", action == null ? new JsonObject() : new JsonObject().put("action", action)));
    JsonObject frame = await(reply);
    return frame.getString("type").equals("err")
        ? new Reply(frame.getInteger("failureCode"), new JsonObject(frame.getString("message")))
        : new Reply(0, frame.getJsonObject("body"));
  }

  @Override
  public Heard listen(String address) {
    Heard listening = new Heard();
    heard.put(address, listening);
    pong = new CompletableFuture<>();
    write(new JsonObject().put("type", "register").put("address", address));
    write(new JsonObject().put("type", "ping"));
    await(pong);
    return listening;
  }

  private void write(JsonObject frame) {
    Buffer json = frame.toBuffer();
    socket.write(Buffer.buffer().appendInt(json.length()).appendBuffer(json));
  }

  private static JsonObject await(CompletableFuture<JsonObject> future) {
    try {
      return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    TestRuntime.await(socket.close());
  }
}
