package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.TestServer;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a browser is told of which pages may use the API. */
class CrossOriginTest {

  private static final String LOCAL_PAGE = "http://localhost:5173";
  private static final String APP = "https://app.example";
  private static final String STRANGER = "https://evil.example";

  @TempDir
  Path directory;

  private TestServer server;

  private void start(Map<String, String> settings) {
    server = TestServer.start(directory, settings);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void aPageOnThisMachineMayWithoutAKey() {
    start(Map.of());
    assertThat(preflight(LOCAL_PAGE, "POST", "/sessions/create"))
        .startsWith("http/1.1 204 ").contains("access-control-allow-origin: " + LOCAL_PAGE + "\r\n");
    assertThat(get("/sessions", LOCAL_PAGE)).startsWith("http/1.1 200 ").contains("access-control-allow-origin: " + LOCAL_PAGE + "\r\n");
    assertThat(get("/sessions", APP)).startsWith("http/1.1 403 ").doesNotContain("access-control");
    assertThat(preflight(APP, "POST", "/sessions/create")).doesNotContain("access-control");
  }

  @Test
  void aPageThatTheSettingsNameMay() {
    start(Map.of("AGENT_RUNTIME_ALLOWED_ORIGINS", APP));
    assertThat(get("/sessions", APP)).startsWith("http/1.1 200 ").contains("access-control-allow-origin: " + APP + "\r\n");
    assertThat(get("/sessions", LOCAL_PAGE)).startsWith("http/1.1 200 ").contains("access-control-allow-origin: " + LOCAL_PAGE + "\r\n");
    assertThat(get("/sessions", STRANGER)).startsWith("http/1.1 403 ").doesNotContain("access-control");
    try (RawSocket socket = new RawSocket(server.port, 0).upgrade("Origin: " + APP + "\r\n")) {
      assertThat(socket.text("{\"type\":\"ping\"}").message()).contains("pong");
    }
  }

  @Test
  void withAKeyOnlyThoseThatAreNamedMayAndErrorsCanBeReadToo() {
    start(Map.of("AGENT_RUNTIME_API_KEYS", "one", "AGENT_RUNTIME_ALLOWED_ORIGINS", APP));
    assertThat(preflight(APP, "PUT", "/sessions/x/files/a")).startsWith("http/1.1 204 ").contains("access-control-allow-origin: " + APP + "\r\n");
    assertThat(get("/sessions", APP)).startsWith("http/1.1 401 ").contains("access-control-allow-origin: " + APP + "\r\n");
    assertThat(get("/none", APP, "Authorization: Bearer one\r\n")).startsWith("http/1.1 404 ").contains("access-control-allow-origin: " + APP);
    // Who has the key is answered, but the page of another origin is not given the answer.
    for (String origin : new String[] {STRANGER, LOCAL_PAGE}) {
      assertThat(get("/sessions", origin, "Authorization: Bearer one\r\n")).startsWith("http/1.1 200 ").doesNotContain("access-control");
      assertThat(preflight(origin, "PUT", "/sessions/x/files/a")).doesNotContain("access-control");
    }
  }

  @Test
  void withAKeyAllMayIfTheSettingsSaySo() {
    start(Map.of("AGENT_RUNTIME_API_KEYS", "one", "AGENT_RUNTIME_ALLOWED_ORIGINS", "*"));
    assertThat(get("/sessions", STRANGER, "Authorization: Bearer one\r\n"))
        .startsWith("http/1.1 200 ").contains("access-control-allow-origin: " + STRANGER + "\r\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "POST", "PUT", "PATCH", "DELETE"})
  void everyMethodAndHeaderOfTheApiCanBeUsed(String method) {
    start(Map.of());
    String answer = preflight(LOCAL_PAGE, method, "/sessions/x");
    assertThat(header(answer, "access-control-allow-methods")).contains(method.toLowerCase());
    assertThat(header(answer, "access-control-allow-headers"))
        .containsExactlyInAnyOrder("authorization", "content-type", "if-match", "if-none-match", "last-event-id", "range");
    assertThat(header(get("/agent-profiles", LOCAL_PAGE), "access-control-expose-headers"))
        .containsExactlyInAnyOrder("allow", "content-disposition", "content-range", "etag", "location");
  }

  private static Stream<String> header(String head, String name) {
    return head.lines().filter(line -> line.startsWith(name + ": ")).flatMap(line -> Stream.of(line.substring(name.length() + 2).split(", *")));
  }

  private String preflight(String origin, String method, String path) {
    return head("OPTIONS", path, origin, "Access-Control-Request-Method: " + method
        + "\r\nAccess-Control-Request-Headers: authorization,content-type\r\n");
  }

  private String get(String path, String origin, String... headers) {
    return head("GET", path, origin, String.join("", headers));
  }

  private String head(String method, String path, String origin, String headers) {
    try (RawSocket raw = new RawSocket(server.port, 0)) {
      raw.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin + "\r\n" + headers + "\r\n");
      return raw.head().toLowerCase();
    }
  }
}
