package dev.agentruntime;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestMetrics;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TinyAgent;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.WebSocket;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketClientOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.client.WebClient;
import io.vertx.ext.web.client.WebClientOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** Many sessions at once, and one reader that does not read. The clients are in the same JVM, so the heap that is looked at has them too. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
@Isolated("it measures the heap")
class LoadIT {

  private static final int SESSIONS = 1_000;
  private static final int WARM_UP = 50;
  private static final int AT_A_TIME = 50;
  private static final int PATIENCE_SECONDS = 300;
  private static final long MIB = 1 << 20;

  @TempDir
  Path directory;

  private final Vertx vertx = Vertx.vertx();
  private final Vertx clients = Vertx.vertx();
  private AgentRuntimeServer server;
  private WebClient http;
  private WebSocketClient sockets;

  @BeforeEach
  void start() throws Exception {
    Settings settings = TestRuntime.settings(directory, Map.of("AGENT_RUNTIME_PROFILES_DIR", TinyAgent.profiles(directory).toString(),
        "AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", Long.toString(8 * MIB),
        "AGENT_RUNTIME_SOCKETS_PING_INTERVAL_MS", Integer.toString(PATIENCE_SECONDS * 1000),
        "AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", Integer.toString(PATIENCE_SECONDS * 1000)));
    server = new AgentRuntimeServer(vertx, AgentRuntime.create(vertx, settings, AgentRuntime.persistence(vertx, settings)));
    await(server.start());
    http = WebClient.create(clients, new WebClientOptions().setDefaultHost("127.0.0.1").setDefaultPort(server.port()));
    sockets = clients.createWebSocketClient(new WebSocketClientOptions().setMaxConnections(SESSIONS + 100)
        .setMaxMessageSize(64 << 20).setMaxFrameSize(16 << 20));
  }

  @AfterEach
  void stop() {
    await(clients.close());
    await(server.stop());
    await(vertx.close());
  }

  /** A client on a WebSocket: folds what it is told, and knows when a turn has ended. */
  private static final class Onlooker {
    final Promise<Onlooker> joined = Promise.promise();
    final Promise<Onlooker> completed = Promise.promise();
    final WebSocket socket;
    EventFold fold;
    long frames;
    int snapshots;

    Onlooker(WebSocket socket, String sessionId) {
      this.socket = socket;
      socket.textMessageHandler(this::received);
      socket.closeHandler(closed -> completed.tryFail("closed with " + socket.closeStatusCode() + " at " + (fold == null ? 0 : fold.seq())));
      socket.writeTextMessage(Json.object().put("type", "session:join").put("sessionId", sessionId).toString());
    }

    private void received(String text) {
      try {
        JsonNode frame = Json.tree(text);
        if (frame.path("event").asText().equals("session:joined")) {
          snapshots++;
          fold = new EventFold(Json.to(frame.at("/data/snapshot"), SessionSnapshot.class));
          joined.tryComplete(this);
        } else {
          frames += frame.path("seq").asLong() - frame.path("firstSeq").asLong(frame.path("seq").asLong()) + 1;
          fold.applyFrame(frame);
        }
        boolean idle = fold.runtime().turn() == null && fold.runtime().queued() == 0;
        if (idle && fold.blocks().size() > 1) {
          completed.tryComplete(this);
        }
      } catch (IOException | RuntimeException | AssertionError e) {
        joined.tryFail(e);
        completed.tryFail(e);
      }
    }
  }

  /** Counts what it is sent, and does no more, so as to be as quick as the server. */
  private static final class Counter {
    final Semaphore turns = new Semaphore(0);
    volatile String gap;
    volatile int snapshots;
    volatile long deltas;
    long last;

    void received(String text) {
      if (text.startsWith("{\"event\":\"session:joined\"")) {
        snapshots++;
        return;
      }
      long seq = number(text, "\"seq\":", -1);
      long first = number(text, "\"firstSeq\":", seq);
      if (last > 0 && first != last + 1) {
        gap = "after " + last + " came " + first;
      }
      last = seq;
      if (text.startsWith("{\"event\":\"session:block:delta\"")) {
        deltas += seq - first + 1;
      } else if (text.startsWith("{\"event\":\"session:turn:completed\"")) {
        turns.release();
      }
    }

    private static long number(String text, String field, long otherwise) {
      int at = text.indexOf(field);
      if (at < 0) {
        return otherwise;
      }
      int end = at + field.length();
      while (Character.isDigit(text.charAt(end))) {
        end++;
      }
      return Long.parseLong(text.substring(at + field.length(), end));
    }
  }

  private Future<Counter> count(String sessionId) {
    return sockets.connect(server.port(), "127.0.0.1", "/ws").compose(socket -> {
      Counter counter = new Counter();
      Promise<Counter> joined = Promise.promise();
      socket.textMessageHandler(text -> {
        counter.received(text);
        joined.tryComplete(counter);
      });
      socket.writeTextMessage(Json.object().put("type", "session:join").put("sessionId", sessionId).toString());
      return joined.future();
    });
  }

  private Future<Onlooker> look(String sessionId) {
    return sockets.connect(server.port(), "127.0.0.1", "/ws").compose(socket -> {
      socket.pause();
      Onlooker onlooker = new Onlooker(socket, sessionId);
      socket.resume();
      return onlooker.joined.future();
    });
  }

  private Future<JsonObject> post(String path, JsonObject body, int status) {
    return http.request(HttpMethod.POST, path).sendJsonObject(body).map(answer -> {
      assertThat(answer.statusCode()).as(answer.bodyAsString()).isEqualTo(status);
      return answer.bodyAsJsonObject();
    });
  }

  private Future<String> create(String profile) {
    return post("/sessions/create", new JsonObject().put("agentProfileRef", profile), 201).map(created -> created.getString("sessionId"));
  }

  private Future<JsonObject> say(String sessionId, String text) {
    return post("/sessions/" + sessionId + "/message", new JsonObject().put("content", text), 202);
  }

  /** Does the same for all, some at a time. */
  private static <A, B> List<B> all(Collection<A> of, Function<A, Future<B>> work) throws TimeoutException {
    Deque<A> left = new ArrayDeque<>(of);
    List<B> results = new ArrayList<>();
    while (!left.isEmpty()) {
      List<Future<B>> some = new ArrayList<>();
      for (int i = 0; i < AT_A_TIME && !left.isEmpty(); i++) {
        some.add(work.apply(left.poll()));
      }
      results.addAll(Future.all(some).await(PATIENCE_SECONDS, TimeUnit.SECONDS).list());
    }
    return results;
  }

  private static long heap() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  @Test
  void aThousandSessionsAtOnce() throws Exception {
    conversations(WARM_UP);
    long before = heap();
    conversations(SESSIONS);
    assertThat(heap() - before).as("bytes left of %d sessions", SESSIONS).isLessThan(SESSIONS * 32 * 1024L);
  }

  /** That many sessions with a socket each, all at once; in the end all are unloaded and nothing is left of them. */
  private void conversations(int sessions) throws TimeoutException {
    List<String> ids = all(IntStream.range(0, sessions).mapToObj(i -> "tiny").toList(), this::create);
    assertThat(ids).doesNotHaveDuplicates().hasSize(sessions);
    List<Onlooker> onlookers = all(ids, this::look);
    assertThat(TestMetrics.of(client()).value("agent_runtime_sockets_open")).isEqualTo(sessions);

    all(ids, id -> say(id, "Who are you?"));
    for (Onlooker onlooker : onlookers) {
      onlooker.completed.future().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
      assertThat(onlooker.fold.completedTurns()).singleElement().satisfies(turn -> assertThat(turn.error()).isNull());
      assertThat(onlooker.fold.blocks().getLast().text()).isEqualTo(TinyAgent.ANSWER);
    }
    assertThat(TestMetrics.of(client()).value("agent_runtime_sessions_loaded")).isEqualTo(sessions);
    assertThat(new SandboxTraces(directory).processes("tiny-agent.sh")).hasSizeGreaterThanOrEqualTo(sessions);

    all(onlookers, onlooker -> onlooker.socket.close().map(onlooker));
    all(ids, id -> post("/sessions/" + id + "/unload", new JsonObject(), 200));
    new SandboxTraces(directory).awaitNothing();
    TestMetrics after = TestMetrics.of(client());
    assertThat(after.value("agent_runtime_sessions_loaded")).isZero();
    assertThat(after.value("agent_runtime_turns_running")).isZero();
    assertThat(after.value("agent_runtime_messages_queued")).isZero();
    assertThat(after.value("agent_runtime_sandbox_failures_total")).isZero();
  }

  @Test
  void oneThatDoesNotReadHoldsUpNobody() throws Exception {
    int turns = 50;
    int deltasOfATurn = 2_000;
    String id = await(create("demo"));
    Onlooker stalled = await(look(id));
    List<Counter> others = all(IntStream.range(0, 20).mapToObj(i -> id).toList(), this::count);
    long before = heap();
    stalled.socket.pause();
    for (int turn = 1; turn <= turns; turn++) {
      await(say(id, "flood " + deltasOfATurn));
      for (Counter other : others) {
        assertThat(other.turns.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(other.gap).isNull();
        assertThat(other.snapshots).as("never fell behind").isEqualTo(1);
        assertThat(other.deltas).isEqualTo((long) turn * deltasOfATurn);
      }
    }
    assertThat(stalled.frames).isLessThan(turns * deltasOfATurn);
    assertThat(heap() - before).as("all that is kept of the flood").isLessThan(96 * MIB);

    stalled.socket.resume();
    stalled.completed.future().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    Buffer now = await(http.get("/sessions/" + id).send()).bodyAsBuffer();
    SessionSnapshot snapshot = Json.MAPPER.readValue(now.getBytes(), SessionSnapshot.class);
    SandboxTraces.await(() -> stalled.fold.seq() >= snapshot.seq(), () -> "it stays at " + stalled.fold.seq());
    assertThat(stalled.fold.snapshot()).isEqualTo(snapshot);
  }

  private TestClient client() {
    return new TestClient("127.0.0.1", server.port(), null);
  }
}
