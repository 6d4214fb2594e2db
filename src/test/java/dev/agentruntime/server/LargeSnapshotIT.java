package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.LiveHeap;
import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestServer;
import dev.agentruntime.support.Viewer;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.management.JMException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** Clients that stop reading in the middle of something large: none costs what it is large by, and each has the right state in the end. */
@Isolated("it measures the heap")
class LargeSnapshotIT {

  private static final int CLIENTS = 12;
  private static final long MOST_BYTES_EACH = 256 * 1024;
  /** Netty takes what it needs outside of the heap in chunks of some megabytes, which may be due at any moment. */
  private static final long CHUNKS_BYTES = 8 * 1024 * 1024;

  /** More than a million characters, some of which take several bytes or are escaped. */
  private static final String LARGE = "a \"line\" with ümläuts, a 🙂 and a tab\t\n".repeat(30_000);

  @TempDir
  Path directory;

  TestServer server;
  TestClient client;
  final List<RawSocket> stalled = new ArrayList<>();

  @BeforeEach
  void start() {
    // In memory, so that what waits to be written when memory is measured is not there only the first time.
    server = TestServer.start(directory, Map.of("AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", "65536", "AGENT_RUNTIME_STORE_URL", "memory:"));
    client = server.client();
  }

  @AfterEach
  void stop() {
    stalled.forEach(RawSocket::close);
    server.close();
  }

  /** With this test's own things, and what the server has outside of the heap, where whatever is about to be written to a socket is copied to. */
  private static long liveBytes() throws JMException {
    return LiveHeap.bytes() + ((ByteBufAllocatorMetricProvider) ByteBufAllocator.DEFAULT).metric().usedDirectMemory();
  }

  private RawSocket stall(String session) {
    RawSocket socket = new RawSocket(server.port, 4_096);
    stalled.add(socket);
    if (stalled.size() % 4 == 0) {
      socket.send("GET /sessions/" + session + "/events HTTP/1.0\r\nHost: localhost\r\n\r\n");
      assertThat(socket.head()).startsWith("HTTP/1.0 200");
      assertThat(socket.line()).startsWith("id: ");
    } else {
      socket.upgrade("").text("{\"type\":\"session:join\",\"sessionId\":\"" + session + "\"}");
    }
    return socket;
  }

  private String next(RawSocket socket) {
    return (stalled.indexOf(socket) + 1) % 4 == 0 ? socket.eventData() : socket.message();
  }

  /** @param fold of what the client has read so far; null if nothing */
  private void catchUp(RawSocket socket, EventFold fold, SessionSnapshot goal) throws IOException {
    EventFold state = fold;
    while (state == null || !state.snapshot().epoch().equals(goal.epoch()) || state.seq() < goal.seq()) {
      JsonNode frame = Json.tree(next(socket));
      if (frame.path("event").asText().equals("session:joined")) {
        state = joined(frame);
      } else if (frame.has("seq")) {
        state.applyFrame(frame);
      }
    }
    assertThat(state.snapshot()).isEqualTo(goal);
  }

  private static EventFold joined(JsonNode frame) {
    EventFold fold = new EventFold(Json.to(frame.at("/data/snapshot"), SessionSnapshot.class));
    assertThat(fold.seq()).isEqualTo(frame.at("/data/seq").asLong());
    return fold;
  }

  private SessionSnapshot state(String session) {
    return Json.to(client.get("/sessions/" + session).json(), SessionSnapshot.class);
  }

  /** Until no turn runs, which a viewer that lags behind the small event log may learn from a snapshot. */
  private void say(String session, String text) {
    try (Viewer viewer = new Viewer(client, session)) {
      client.say(session, text);
      viewer.until(frame -> frame.path("event").asText().equals("session:status") && frame.at("/data/runtime/turn").isNull()
          || frame.at("/data/snapshot/runtime/turn").isNull());
    }
  }

  @Test
  void aLargeSnapshotIsNotHeldForThoseWhoDoNotReadIt() throws Exception {
    String session = client.newSession();
    say(session, LARGE);
    // So that what the sockets and the encoder take at first is no more in the difference.
    stall(session);
    long before = liveBytes();
    for (int i = 1; i < CLIENTS; i++) {
      // Each of another state.
      say(session, "say hello");
      stall(session);
    }
    assertThat(liveBytes() - before).as("bytes of all stalled clients").isLessThan((CLIENTS - 1) * MOST_BYTES_EACH + CHUNKS_BYTES);
    SessionSnapshot goal = state(session);
    for (RawSocket socket : stalled) {
      catchUp(socket, null, goal);
    }
  }

  private RawSocket ask(String session) {
    RawSocket socket = new RawSocket(server.port, 4_096);
    stalled.add(socket);
    socket.send("GET /sessions/" + session + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assertThat(socket.head()).startsWith("HTTP/1.1 200");
    return socket;
  }

  @Test
  void aLargeAnswerIsNotHeldForThoseWhoDoNotReadIt() throws Exception {
    String session = client.newSession();
    say(session, LARGE);
    ask(session);
    long before = liveBytes();
    for (int i = 1; i < CLIENTS; i++) {
      say(session, "say hello");
      ask(session);
    }
    assertThat(liveBytes() - before).as("bytes of all stalled clients").isLessThan((CLIENTS - 1) * MOST_BYTES_EACH + CHUNKS_BYTES);
    List<Block> goal = state(session).blocks();
    int blocks = 0;
    for (RawSocket socket : stalled) {
      SessionSnapshot answer = Json.to(Json.tree(socket.restBytes()), SessionSnapshot.class);
      assertThat(answer.blocks()).hasSizeGreaterThan(blocks).isEqualTo(goal.subList(0, answer.blocks().size()));
      blocks = answer.blocks().size();
    }
    assertThat(blocks).isEqualTo(goal.size());
  }

  @Test
  void aLargeFrameIsNotHeldForThoseWhoDoNotReadIt() throws Exception {
    String session = client.newSession();
    say(session, "say hello");
    List<EventFold> folds = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      folds.add(joined(Json.tree(next(stall(session)))));
    }
    say(session, LARGE);
    long held = server.api.streams().connections().stream().mapToLong(ClientStreams.Connection::bytesHeld).max().orElseThrow();
    assertThat(held).isBetween(1L, MOST_BYTES_EACH - 128 * 1024);
    SessionSnapshot goal = state(session);
    assertThat(Json.bytes(goal).length).isGreaterThan(LARGE.length());
    LiveHeap.bytes();
    for (int i = 0; i < CLIENTS; i++) {
      catchUp(stalled.get(i), folds.get(i), goal);
    }
  }

  /** An update's text is the session's own, so that what keeps it for one who is in the middle of it costs little. */
  @Test
  void aLargeUpdateIsNotHeldForThoseWhoDoNotReadIt() throws Exception {
    List<String> sessions = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      sessions.add(client.newSession());
      next(stall(sessions.getLast()));
      say(sessions.getLast(), "big 2 MB");
    }
    long stalling = liveBytes();
    assertThat(nextUpdate(stalled.getFirst()).at("/data/updates/input/content").asText()).hasSizeGreaterThan(2_000_000);
    stalled.forEach(RawSocket::close);
    SandboxTraces.await(() -> server.api.streams().connections().isEmpty(), () -> "they are still there");
    assertThat(stalling - liveBytes()).as("bytes of all stalled clients").isLessThan(CLIENTS * MOST_BYTES_EACH + CHUNKS_BYTES);
  }

  private JsonNode nextUpdate(RawSocket socket) throws IOException {
    JsonNode frame = Json.tree(next(socket));
    while (!frame.path("event").asText().equals("session:block:update")) {
      frame = Json.tree(next(socket));
    }
    return frame;
  }
}
