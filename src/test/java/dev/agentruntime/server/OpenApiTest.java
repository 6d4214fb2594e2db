package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestServer;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The served {@code openapi.json} against the running server: each documented status is provoked, and each answer is as documented. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OpenApiTest {

  private static final String KEY = "test-key";
  private static final String SESSION = "/sessions/{sessionId}";
  private static final Set<String> METHODS = Set.of("get", "put", "post", "patch", "delete");

  @TempDir
  static Path directory;

  static final ApiDocuments DOCUMENTS = new ApiDocuments();
  static final Set<String> SEEN = new TreeSet<>();
  static TestServer server;
  static TestClient client;

  @BeforeAll
  static void start() {
    server = TestServer.start(directory, Map.of("AGENT_RUNTIME_API_KEYS", KEY, "AGENT_RUNTIME_LIMITS_REQUEST_BYTES", "65536",
        "AGENT_RUNTIME_SOCKETS_MAX_CONNECTIONS", "1"));
    client = server.client(KEY);
  }

  @AfterAll
  static void stop() {
    server.runtime.unloadAll();
    server.close();
  }

  @Test
  @Order(1)
  void theRoutesAreThosePathsAndNoOthers() {
    Set<String> documented = new TreeSet<>();
    DOCUMENTS.openApi.path("paths").properties().forEach(path -> path.getValue().fieldNames().forEachRemaining(method -> {
      if (METHODS.contains(method)) {
        documented.add(method.toUpperCase() + " " + path.getKey());
      }
    }));
    Set<String> routed = new TreeSet<>();
    server.api.rest().endpoints().forEach(endpoint -> routed.add(endpoint.method() + " " + endpoint.path()));
    assertThat(routed).isEqualTo(documented);
  }

  @Test
  @Order(2)
  void theServedDocumentsAreTheFiles() throws IOException {
    assertThat(check("GET", "/openapi.json", "/openapi.json", null).json()).isEqualTo(DOCUMENTS.openApi);
    assertThat(check("GET", "/asyncapi.json", "/asyncapi.json", null).json()).isEqualTo(DOCUMENTS.asyncApi);
  }

  @Test
  @Order(2)
  void sessions() {
    String id = check("POST", "/sessions/create", "/sessions/create", "{\"agentProfileRef\":\"demo\",\"name\":\"n\",\"metadata\":{\"a\":1}}")
        .json().path("sessionId").asText();
    check("POST", "/sessions/create", "/sessions/create", "{\"agentProfileRef\":\"no such\"}");
    check("GET", "/sessions", "/sessions?limit=1", null);
    check("GET", "/sessions", "/sessions?limit=0", null);
    check("GET", SESSION, "/sessions/" + id, null);
    check("PATCH", SESSION, "/sessions/" + id, "{\"name\":\"another\"}");
    check("PATCH", SESSION + "/options", "/sessions/" + id + "/options", "{\"sessionOptions\":{}}");
    for (String command : List.of("/interrupt", "/sync", "/unload")) {
      check("POST", SESSION + command, "/sessions/" + id + command, "{}");
      check("POST", SESSION + command, "/sessions/" + id + command, "{\"force\":true}");
    }
    check("DELETE", SESSION, "/sessions/" + id, "{\"force\":true}");
    check("DELETE", SESSION, "/sessions/" + id, null);
    assertThat(client.get("/sessions/" + id).code()).isEqualTo("SESSION_NOT_FOUND");
  }

  @Test
  @Order(2)
  void messages() {
    String path = "/sessions/" + client.newSession() + "/message";
    check("POST", SESSION + "/message", path, "{\"content\":\"say 400 deltas every 25 ms\"}");
    assertThat(check("POST", SESSION + "/message", path, "{\"content\":\"x\",\"whenBusy\":\"reject\"}").code()).isEqualTo("SESSION_BUSY");
    TestClient.Answer last = null;
    for (int i = 0; i <= 16; i++) {
      last = check("POST", SESSION + "/message", path, "{\"content\":\"say \\\"x\\\"\",\"messageId\":\"" + UUID.randomUUID() + "\"}");
    }
    assertThat(last.code()).isEqualTo("QUEUE_FULL");
  }

  @Test
  @Order(2)
  void files() {
    String id = client.newSession();
    String file = "/sessions/" + id + "/files/a/b.txt";
    String path = SESSION + "/files/{path}";
    check("PUT", path, file, "text");
    check("PUT", path, file, "other text");
    check("GET", SESSION + "/files", "/sessions/" + id + "/files", null);
    String etag = check("GET", path, file, null).header("ETag");
    check("GET", path, file, null, "Range", "bytes=0-3");
    check("GET", path, file, null, "Range", "bytes=100-");
    check("GET", path, file, null, "If-None-Match", etag);
    for (String method : List.of("GET", "PUT", "DELETE")) {
      check(method, path, "/sessions/" + id + "/files/a%5Cb", method.equals("PUT") ? "x" : null);
    }
    check("PUT", path, file, "x".repeat(70_000));
    check("PUT", path, file, "x", "Content-Encoding", "gzip");
    check("DELETE", path, file, null);
    check("DELETE", path, file, null);
    check("GET", path, file, null);
  }

  @Test
  @Order(2)
  void eventsAndSockets() {
    String path = "/sessions/" + client.newSession() + "/events";
    SEEN.add("GET " + SESSION + "/events 200");
    SEEN.add("GET /ws 101");
    check("GET", "/ws", "/ws", null);
    try (var socket = client.socket()) {
      assertThat(socket.ask("{\"type\":\"ping\"}").path("event").asText()).isEqualTo("pong");
      check("GET", SESSION + "/events", path, null);
    }
  }

  @Test
  @Order(2)
  void theRest() {
    check("GET", "/agent-profiles", "/agent-profiles", null);
    check("GET", "/agent-profiles/{profileId}", "/agent-profiles/demo", null);
    check("GET", "/agent-profiles/{profileId}", "/agent-profiles/none", null);
    for (String method : List.of("PUT", "DELETE")) {
      String body = method.equals("PUT") ? "{\"name\":\"N\",\"architecture\":\"claude-agent-sdk\"}" : null;
      check(method, "/agent-profiles/{profileId}", "/agent-profiles/demo", body);
      check("PUT", "/agent-profiles/{profileId}", "/agent-profiles/saved", "{\"name\":\"N\",\"architecture\":\"claude-agent-sdk\"}");
      check(method, "/agent-profiles/{profileId}", "/agent-profiles/saved", body, "If-Match", "\"another\"");
      check(method, "/agent-profiles/{profileId}", "/agent-profiles/saved", body);
    }
    String id = client.newSession();
    check("POST", SESSION + "/message", "/sessions/" + id + "/message", "{\"content\":\"say 400 deltas every 25 ms\"}");
    assertThat(check("GET", "/sandboxes", "/sandboxes", null).json().path("sandboxes").isArray()).isTrue();
    check("GET", "/health", "/health", null);
    check("GET", "/health/ready", "/health/ready", null);
    assertThat(check("GET", "/metrics", "/metrics", null).text()).contains("agent_runtime_sockets_open");
  }

  /** What every path does alike: keys, sizes, types, and ids of no session. */
  @Test
  @Order(3)
  void whatIsAlikeEverywhere() {
    for (RestApi.Endpoint endpoint : server.api.rest().endpoints()) {
      String method = endpoint.method().name();
      JsonNode responses = DOCUMENTS.openApi.path("paths").path(endpoint.path()).path(method.toLowerCase()).path("responses");
      boolean isFile = method.equals("PUT") && endpoint.path().endsWith("{path}");
      String url = endpoint.path().replace("{sessionId}", UUID.randomUUID().toString()).replace("{path}", "f").replace("{profileId}", "p");
      if (responses.has("401")) {
        TestClient.Answer answer = send(server.client(), method, url, null);
        assertThat(answer.code()).isEqualTo("AUTH_REQUIRED");
        assertThat(answer.header("WWW-Authenticate")).isEqualTo("Bearer");
        record(method, endpoint.path(), answer);
        assertThat(send(server.client(), "BREW", url, null).code()).as("a method that is not there").isEqualTo("AUTH_REQUIRED");
        assertThat(record(method, endpoint.path(), send(server.client("wrong"), method, url, null)).code()).isEqualTo("INVALID_API_KEY");
      }
      if (responses.has("404") && !endpoint.path().equals("/sessions/create")) {
        String body = DOCUMENTS.openApi.path("paths").path(endpoint.path()).path(method.toLowerCase())
            .at("/requestBody/content/application~1json/example").toString();
        check(method, endpoint.path(), url, isFile ? "x" : body.isEmpty() ? null : body);
      }
      if (responses.has("415") && !isFile) {
        check(method, endpoint.path(), url, "{}", "Content-Type", "text/plain");
      }
      if (responses.has("413") && !isFile) {
        check(method, endpoint.path(), url, "\"" + "x".repeat(70_000) + "\"");
      }
      if (responses.has("400") && !method.equals("GET") && !isFile) {
        check(method, endpoint.path(), url.replaceAll("/files/f$", "/files/.."), "{\"no such field\": 1");
      }
    }
  }

  @Test
  @Order(4)
  void readinessSaysThatTheServerStops() {
    TestServer stopping = TestServer.start(directory.resolve("other"), Map.of());
    try {
      stopping.runtime.sessions().shutdown();
      assertThat(record("GET", "/health/ready", stopping.client().get("/health/ready")).code()).isEqualTo("NOT_READY");
    } finally {
      stopping.close();
    }
  }

  @Test
  @Order(5)
  void everyDocumentedStatusWasSeen() {
    List<String> missing = new ArrayList<>();
    DOCUMENTS.openApi.path("paths").properties().forEach(path -> path.getValue().properties().forEach(operation -> {
      if (METHODS.contains(operation.getKey())) {
        operation.getValue().path("responses").fieldNames().forEachRemaining(status -> {
          String what = operation.getKey().toUpperCase() + " " + path.getKey() + " " + status;
          if (!status.equals("default") && !SEEN.contains(what)) {
            missing.add(what);
          }
        });
      }
    }));
    assertThat(missing).isEmpty();
  }

  private static TestClient.Answer check(String method, String path, String url, String body, String... headers) {
    return record(method, path, send(client, method, url, body, headers));
  }

  private static TestClient.Answer send(TestClient from, String method, String url, String body, String... headers) {
    List<String> all = new ArrayList<>(List.of(headers));
    if (body != null && !all.contains("Content-Type")) {
      all.addAll(List.of("Content-Type", "application/json"));
    }
    return from.send(method, url, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body), all.toArray(String[]::new));
  }

  private static TestClient.Answer record(String method, String path, TestClient.Answer answer) {
    JsonNode documented = DOCUMENTS.response(method, path, answer.status());
    String what = method + " " + path + " " + answer.status();
    assertThat(documented.isMissingNode()).as(what + " is documented: " + answer.text()).isFalse();
    String type = answer.header("Content-Type");
    if (documented.has("content") && answer.status() != 304 && type != null && type.startsWith("application/json")) {
      assertThat(DOCUMENTS.mistakes(documented, answer.json())).as(what + ": " + answer.text()).isEmpty();
    }
    documented.path("headers").fieldNames().forEachRemaining(header ->
        assertThat(answer.header(header)).as(what + " has " + header).isNotNull());
    SEEN.add(what);
    return answer;
  }
}
