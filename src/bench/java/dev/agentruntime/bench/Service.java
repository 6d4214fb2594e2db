package dev.agentruntime.bench;

import dev.agentruntime.Main;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The runtime's own server as a process, with a data directory of its own, which is gone with it. */
final class Service implements AutoCloseable {

  /**
   * Settings for floods: viewers that are behind for a moment are not given a snapshot in place of the events they wait for, and the session
   * takes them all.
   */
  static final Map<String, String> ROOM_FOR_A_FLOOD = Map.of("AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", "8388608",
      "AGENT_RUNTIME_LIMITS_SESSION_BYTES", "536870912");

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final Path data;
  private final int port;
  private final Child process;

  private Service(Path data, int port, Child process) {
    this.data = data;
    this.port = port;
    this.process = process;
  }

  /** Starts it and waits until it is healthy. @param settings over the defaults, as variables */
  static Service start(List<String> options, Map<String, String> settings) throws Exception {
    return startWith(options, System.getProperty("java.class.path"), settings);
  }

  static Service startWith(List<String> options, String classPath, Map<String, String> settings) throws Exception {
    Path data = Files.createTempDirectory("agent-runtime-bench");
    int port = freePort();
    Map<String, String> environment = new HashMap<>(Map.of("AGENT_RUNTIME_PORT", Integer.toString(port),
        "AGENT_RUNTIME_DATA_DIR", data.toString(), "AGENT_RUNTIME_LOG_LEVEL", "warn"));
    environment.putAll(settings);
    Service service = new Service(data, port, Child.java(options, classPath, Main.class, environment));
    try {
      service.awaitHealth();
    } catch (Exception e) {
      service.close();
      throw e;
    }
    return service;
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  int port() {
    return port;
  }

  Child process() {
    return process;
  }

  private void awaitHealth() throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        call("GET", "/health", null);
        return;
      } catch (ConnectException e) {
        if (!process.alive() || System.nanoTime() > deadline) {
          throw new IllegalStateException("the server did not start", e);
        }
        Thread.sleep(5);
      }
    }
  }

  /** @return the new session's id */
  String createSession() throws Exception {
    return createSession("demo");
  }

  /** @return the new session's id */
  String createSession(String profile) throws Exception {
    return call("POST", "/sessions/create", new JsonObject().put("agentProfileRef", profile)).getString("sessionId");
  }

  void message(String sessionId, String text) throws Exception {
    call("POST", "/sessions/" + sessionId + "/message", new JsonObject().put("content", text));
  }

  JsonObject get(String sessionId) throws Exception {
    return call("GET", "/sessions/" + sessionId, null);
  }

  /** Sends a message and waits until its turn has ended. */
  void converse(String sessionId, String text) throws Exception {
    message(sessionId, text);
    JsonObject runtime;
    do {
      Thread.sleep(50);
      runtime = get(sessionId).getJsonObject("runtime");
    } while (runtime.getValue("turn") != null || runtime.getInteger("queued") > 0);
  }

  private JsonObject call(String method, String path, JsonObject body) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).timeout(PATIENCE)
        .header("Content-Type", "application/json")
        .method(method, body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body.encode()))
        .build();
    HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() >= 300) {
      throw new IllegalStateException(path + ": " + answer.statusCode() + " " + answer.body());
    }
    return new JsonObject(answer.body());
  }

  static String join(String sessionId) {
    return "{\"type\":\"session:join\",\"sessionId\":\"" + sessionId + "\"}";
  }

  @Override
  public void close() throws IOException {
    process.close();
    http.close();
    deleteAll(data);
  }

  static void deleteAll(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      all.sorted(Comparator.reverseOrder()).forEach(Service::delete);
    }
  }

  private static void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
