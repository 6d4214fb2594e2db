package dev.agentruntime.examples;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TestSocket;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples do what they say, and the README shows them as they are. */
class ExamplesIT {

  @TempDir
  Path directory;

  private final Vertx vertx = Vertx.vertx();
  private EmbeddedApplication application;
  private TestClient client;

  @BeforeEach
  void start() {
    application = new EmbeddedApplication(TestRuntime.settings(directory, Map.of("AGENT_RUNTIME_STORE_URL", "memory:")));
    await(vertx.deployVerticle(application));
    client = new TestClient("127.0.0.1", application.port(), null);
  }

  @AfterEach
  void stop() {
    await(vertx.close());
  }

  @Test
  void anApplicationHasAgentsBesideItsOwnRoutes() {
    assertThat(client.get("/").text()).isEqualTo("[]");
    TestClient.Answer created = client.post("/agents/sessions/create", "{\"agentProfileRef\":\"demo\"}");
    String id = created.json().path("sessionId").asText();
    assertThat(created.header("Location")).isEqualTo("/agents/sessions/" + id);

    try (TestSocket socket = client.socketAt("/agents/ws")) {
      assertThat(socket.ask("{\"type\":\"session:join\",\"sessionId\":\"" + id + "\"}").path("event").asText()).isEqualTo("session:joined");
      JsonNode accepted = socket.ask("{\"type\":\"session:message\",\"sessionId\":\"" + id + "\",\"content\":\"say hello\"}");
      JsonNode completed = socket.next("session:turn:completed");
      assertThat(completed.at("/data/turnId")).isEqualTo(accepted.at("/data/turnId"));
      assertThat(completed.at("/data/outcome").asText()).isEqualTo("success");
    }
    assertThat(client.get("/").text()).isEqualTo("[\"" + id + "\"]");
    assertThat(client.get("/agents/sessions/" + id).json().path("blocks")).hasSizeGreaterThan(1);
    assertThat(client.get("/agents/nothing").code()).isEqualTo("NOT_FOUND");
    assertThat(client.get("/sessions").status()).as("outside of the prefix").isEqualTo(404);
  }

  @Test
  void theApplicationsOwnSocketsWorkAsBefore() {
    try (TestSocket socket = client.socketAt("/echo")) {
      socket.send("{\"event\":\"hello\"}");
      assertThat(socket.next("hello")).isNotNull();
    }
    try (TestSocket socket = client.socketAt("/nowhere")) {
      assertThat(socket.closeCode()).isEqualTo(4004);
    }
  }

  @Test
  void stoppingTheApplicationSendsClientsAwayAndEndsTheRuntime() throws IOException {
    TestSocket socket = client.socketAt("/agents/ws");
    assertThat(socket.ask("{\"type\":\"ping\"}").path("event").asText()).isEqualTo("pong");
    String deployment = vertx.deploymentIDs().iterator().next();
    await(vertx.undeploy(deployment));
    assertThat(socket.closeCode()).isEqualTo(1001);
    try (var sandboxes = Files.list(directory.resolve("sandboxes"))) {
      assertThat(sandboxes.filter(Files::isDirectory)).isEmpty();
    }
  }

  /** Also when nobody shuts the runtime down before: the next one on the same store and folder shows all of it. */
  @Test
  void closingTheVertxLosesNothing() {
    Path kept = directory.resolve("kept");
    Vertx first = Vertx.vertx();
    String id;
    try (TestRuntime runtime = TestRuntime.start(first, kept, Map.of(), store -> store)) {
      id = runtime.newSession();
      runtime.follow(id).awaitTurn(runtime.send(id, "say hello").turnId());
      await(first.close());
      assertThat(runtime.sessions().getLoadedSessions()).isEmpty();
    }
    try (TestRuntime runtime = TestRuntime.start(kept, Map.of())) {
      assertThat(Follower.snapshot(await(runtime.sessions().get(id))).blocks()).extracting(Block::text).contains("hello");
      assertThat(runtime.newSession()).isNotEqualTo(id);
    }
  }

  @Test
  void aSiblingAsksAndHearsTheAnswerAsItComes() {
    LifecycleListener lifecycle = new LifecycleListener();
    await(vertx.deployVerticle(lifecycle));
    List<String> heard = new ArrayList<>();
    SiblingVerticle sibling = new SiblingVerticle("think; say \"Hello, world\" in 4 deltas", heard::add);
    await(vertx.deployVerticle(sibling));

    assertThat(await(sibling.outcome())).isEqualTo("success");
    assertThat(String.join("", heard)).isEqualTo("Hello, world");
    assertThat(heard).hasSize(4);
    assertThat(lifecycle.inMemory()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(classes = {EmbeddedApplication.class, SiblingVerticle.class, LifecycleListener.class})
  void theReadmeShowsThem(Class<?> example) throws IOException {
    Path root = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
    String source = Files.readString(root.resolve("src/test/java").resolve(example.getName().replace('.', '/') + ".java"));
    assertThat(source.lines()).hasSizeLessThanOrEqualTo(60);
    assertThat(Files.readString(root.resolve("README.md"))).contains("```java\n" + source.substring(source.indexOf("public final class")) + "```");
  }

  @Test
  void anAdapterOfOnesOwnIsAHundredLines() throws IOException {
    Path root = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
    assertThat(Files.readAllLines(root.resolve("src/test/java/dev/agentruntime/examples/FolderPersistence.java")))
        .hasSizeLessThanOrEqualTo(100);
  }
}
