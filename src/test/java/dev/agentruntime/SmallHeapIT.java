package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.ServerProgram;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.Viewer;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server as a program of its own that has much less memory than an agent says, or than is stored of a session. */
@Timeout(300)
class SmallHeapIT {

  private static final String HEAP = "-Xmx128m";
  private static final Map<String, String> SETTINGS = Map.of("AGENT_RUNTIME_PORT", "0", "AGENT_RUNTIME_LIMITS_SESSION_BYTES", "16777216");
  private static final int STORED_BYTES = 300_000_000;

  @TempDir
  Path home;

  private final List<String> lines = Collections.synchronizedList(new ArrayList<>());
  private Process program;
  private TestClient client;

  private void start(Map<String, String> more) throws Exception {
    Map<String, String> settings = new HashMap<>(SETTINGS);
    settings.putAll(more);
    program = ServerProgram.run(home, settings, ServerProgram.command(HEAP));
    BufferedReader output = program.inputReader(StandardCharsets.UTF_8);
    client = new TestClient("127.0.0.1", ServerProgram.ready(output, lines), null);
    Thread.ofVirtual().start(() -> output.lines().forEach(lines::add));
  }

  @AfterEach
  void stop() throws Exception {
    program.toHandle().destroy();
    boolean ended = program.waitFor(60, TimeUnit.SECONDS);
    program.destroyForcibly();
    assertThat(ended).as("it ends in order").isTrue();
    assertThat(lines).noneMatch(line -> line.contains("OutOfMemory"));
    new SandboxTraces(home.resolve("data")).awaitNothing();
  }

  private JsonNode runtime(String session) {
    for (JsonNode each : client.get("/sessions").json().path("sessions")) {
      if (each.path("sessionId").asText().equals(session)) {
        return each.path("runtime");
      }
    }
    throw new AssertionError("it is not there");
  }

  private void assertWorks(String session) {
    try (Viewer viewer = new Viewer(client, session)) {
      assertThat(viewer.turn(client.say(session, "say hello")).path("outcome").asText()).isEqualTo("success");
    }
  }

  @Test
  void anAgentThatSaysMoreThanTheMemoryHoldsIsStoppedAndNobodyElseNoticesIt() throws Exception {
    start(Map.of());
    String other = client.newSession();
    assertWorks(other);
    String flooded = client.newSession();
    client.say(flooded, String.join("; ", Collections.nCopies(300, "flood 100000")));
    assertWorks(other);
    SandboxTraces.await(() -> runtime(flooded).path("sandbox").isObject() && runtime(flooded).path("turn").isNull(), () -> "its turn never ends: " + lines);
    TestClient.Answer snapshot = client.get("/sessions/" + flooded);
    assertThat(snapshot.json().path("blocks")).last().satisfies(block -> {
      assertThat(block.path("type").asText()).isEqualTo("error");
      assertThat(block.path("message").asText()).contains("limits.sessionBytes");
    });
    assertThat(snapshot.body().length).isGreaterThan(16_000_000);
    TestClient.Answer refused = client.post("/sessions/" + flooded + "/message", "{\"content\":\"say more\"}");
    assertThat(refused.status()).isEqualTo(409);
    assertThat(refused.json().path("error").asText()).contains("limits.sessionBytes");
    assertThat(client.post("/sessions/" + flooded + "/unload", "{}").status()).isEqualTo(200);
    assertThat(client.get("/sessions/" + flooded).json().path("blocks")).isEqualTo(snapshot.json().path("blocks"));
    assertThat(client.delete("/sessions/" + flooded).status()).isEqualTo(200);
    assertWorks(other);
    assertThat(client.get("/health/ready").status()).isEqualTo(200);
  }

  /** Stores a session with something large. */
  private String stored(String profile, String transcript, String line) throws Exception {
    String session = UUID.randomUUID().toString();
    Vertx vertx = Vertx.vertx();
    Files.createDirectories(home.resolve("data"));
    PersistenceAdapter store = AgentRuntime.persistence(vertx, TestRuntime.settings(home.resolve("data"), Map.of()));
    TestRuntime.await(store.start());
    TestRuntime.await(store.createSessionRecord(
        new SessionRecord(session, "claude-agent-sdk", profile, null, 1, 1, Json.object(), null, null), "e"));
    Buffer piece = Buffer.buffer(line.repeat(4_000));
    for (long offset = 0; offset < STORED_BYTES; offset += piece.length()) {
      TestRuntime.await(store.saveTranscript(session, "e", transcript.replace("$", session), offset, piece));
    }
    TestRuntime.await(store.close());
    TestRuntime.await(vertx.close());
    return session;
  }

  @Test
  void aLargeTranscriptIsPutIntoASandbox() throws Exception {
    Path profiles = Files.createDirectory(home.resolve("profiles"));
    Path script = Files.writeString(home.resolve("count.sh"), "read message\nfor file in \"$HOME\"/.claude/projects/*/*.jsonl; do bytes=$(wc -c <\"$file\"); done\n"
        + "printf '{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"%s bytes\"}\\n' $bytes\nexec cat >/dev/null\n");
    Files.writeString(profiles.resolve("count.json"), "{\"name\":\"count\",\"architecture\":\"claude-agent-sdk\",\"command\":[\"/bin/sh\",\"" + script
        + "\"],\"environmentVariables\":{\"ANTHROPIC_API_KEY\":\"none\"}}");
    String session = stored("count", "agent/$.jsonl", "x".repeat(999) + "\n");
    start(Map.of("AGENT_RUNTIME_PROFILES_DIR", profiles.toString()));
    try (Viewer viewer = new Viewer(client, session)) {
      assertThat(viewer.turn(client.say(session, "count")).path("error").asText()).isEqualTo(STORED_BYTES + " bytes");
    }
    assertThat(client.post("/sessions/" + session + "/unload", "{}").status()).isEqualTo(200);
  }

  @Test
  void aLargeJournalOfASmallSessionIsLoaded() throws Exception {
    String line = Json.text(Map.of("k", "event", "event", "session:metadata:update", "at", 1, "data", Map.of("conversationId", "main",
        "metadata", Map.of("usage", Map.of("inputTokens", 7), "model", "x".repeat(1_000))))) + "\n";
    String session = stored("demo", "journal.jsonl", line);
    start(Map.of());
    assertThat(client.get("/sessions/" + session).json().at("/usage/usage/inputTokens").asInt()).isEqualTo(7);
    assertWorks(session);
  }
}
