package dev.agentruntime.support;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/** A client's WebSocket that keeps every frame it was sent. Blocking, for tests. */
public final class TestSocket implements WebSocket.Listener, AutoCloseable {

  private final List<JsonNode> frames = new ArrayList<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition more = lock.newCondition();
  private final StringBuilder partial = new StringBuilder();
  private final CompletableFuture<Integer> closed = new CompletableFuture<>();
  private WebSocket socket;
  private int next;
  private int lastId;

  TestSocket() {}

  @Override
  public void onOpen(WebSocket opened) {
    socket = opened;
    opened.request(1);
  }

  @Override
  public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
    partial.append(data);
    if (last) {
      lock.lock();
      try {
        frames.add(Json.tree(partial.toString()));
        more.signalAll();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } finally {
        lock.unlock();
      }
      partial.setLength(0);
    }
    from.request(1);
    return null;
  }

  @Override
  public CompletionStage<?> onClose(WebSocket from, int code, String reason) {
    finished(code);
    return null;
  }

  @Override
  public void onError(WebSocket from, Throwable error) {
    finished(-1);
  }

  private void finished(int code) {
    closed.complete(code);
    lock.lock();
    try {
      more.signalAll();
    } finally {
      lock.unlock();
    }
  }

  public TestSocket send(String json) {
    done(socket.sendText(json, true));
    return this;
  }

  public TestSocket sendPart(String part, boolean last) {
    done(socket.sendText(part, last));
    return this;
  }

  public TestSocket sendBinary(byte[] bytes) {
    done(socket.sendBinary(ByteBuffer.wrap(bytes), true));
    return this;
  }

  private static void done(CompletableFuture<WebSocket> sent) {
    try {
      sent.get(TestClient.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      // The server has closed; the test looks at the close code.
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }

  /** The next frame that was not given yet. */
  public JsonNode next() {
    return await(frame -> true);
  }

  public JsonNode next(String event) {
    return await(frame -> frame.path("event").asText().equals(event));
  }

  /** Sends a request and gives its answer. @param request JSON of an object; gets an {@code id} */
  public JsonNode ask(String request) {
    int id = ++lastId;
    send(request.replaceFirst("}\\s*$", ",\"id\":" + id + "}"));
    return await(frame -> frame.path("id").asInt(-1) == id);
  }

  /** The first frame like this among those that were not given yet; what comes before it counts as given. */
  public JsonNode await(Predicate<JsonNode> wanted) {
    lock.lock();
    try {
      long nanos = TestClient.PATIENCE.toNanos();
      while (true) {
        while (next < frames.size()) {
          JsonNode frame = frames.get(next++);
          if (wanted.test(frame)) {
            return frame;
          }
        }
        if (closed.isDone() || nanos <= 0) {
          throw new AssertionError("no such frame" + (closed.isDone() ? ", closed with " + closed.join() : "") + ": " + frames);
        }
        nanos = more.awaitNanos(nanos);
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      lock.unlock();
    }
  }

  /** Every frame so far. */
  public List<JsonNode> frames() {
    lock.lock();
    try {
      return List.copyOf(frames);
    } finally {
      lock.unlock();
    }
  }

  /** Waits for the end. @return the close code, or -1 if the connection was cut */
  public int closeCode() {
    try {
      return closed.get(TestClient.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError("not closed: " + frames(), e);
    }
  }

  public boolean isClosed() {
    return closed.isDone();
  }

  @Override
  public void close() {
    socket.abort();
  }
}
