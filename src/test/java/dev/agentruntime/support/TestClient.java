package dev.agentruntime.support;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A client of REST and WebSocket, of the JDK's own making and not the server's. Blocking, for tests. */
public final class TestClient {

  static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private final String address;
  private final String apiKey;

  public TestClient(String host, int port, String apiKey) {
    this.address = host + ":" + port;
    this.apiKey = apiKey;
  }

  /** What a server answered. */
  public record Answer(int status, java.net.http.HttpHeaders headers, byte[] body) {

    public String text() {
      return new String(body, StandardCharsets.UTF_8);
    }

    /** The body as JSON, a missing node if there is none. */
    public JsonNode json() {
      try {
        return Json.tree(body);
      } catch (IOException e) {
        throw new UncheckedIOException("not JSON: " + text(), e);
      }
    }

    public String header(String name) {
      return headers.firstValue(name).orElse(null);
    }

    /** The {@code code} of an error. */
    public String code() {
      return json().path("code").asText();
    }
  }

  public Answer get(String path, String... headers) {
    return send("GET", path, BodyPublishers.noBody(), headers);
  }

  /** @param body JSON */
  public Answer post(String path, String body) {
    return send("POST", path, BodyPublishers.ofString(body), "Content-Type", "application/json");
  }

  /** @param body JSON */
  public Answer patch(String path, String body) {
    return send("PATCH", path, BodyPublishers.ofString(body), "Content-Type", "application/json");
  }

  public Answer put(String path, byte[] body) {
    return send("PUT", path, BodyPublishers.ofByteArray(body));
  }

  public Answer delete(String path) {
    return send("DELETE", path, BodyPublishers.noBody());
  }

  public Answer send(String method, String path, BodyPublisher body, String... headers) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://" + address + path)).method(method, body).timeout(PATIENCE);
    if (apiKey != null) {
      request.header("Authorization", "Bearer " + apiKey);
    }
    if (headers.length > 0) {
      request.headers(headers);
    }
    try {
      HttpResponse<byte[]> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      return new Answer(response.statusCode(), response.headers(), response.body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** @return the id of a new session of the demo agent */
  public String newSession() {
    Answer answer = post("/sessions/create", "{\"agentProfileRef\":\"demo\"}");
    if (answer.status() != 201) {
      throw new AssertionError(answer.status() + " " + answer.text());
    }
    return answer.json().path("sessionId").asText();
  }

  /** @return the id of the accepted turn */
  public String say(String sessionId, String text) {
    Answer answer = post("/sessions/" + sessionId + "/message", Json.text(Map.of("content", text)));
    if (answer.status() != 202) {
      throw new AssertionError(answer.status() + " " + answer.text());
    }
    return answer.json().path("turnId").asText();
  }

  /** Opens a WebSocket, with the key in the header if there is one. */
  public TestSocket socket(String... headers) {
    return socketAt("/ws", headers);
  }

  public TestSocket socketAt(String path, String... headers) {
    WebSocket.Builder builder = HTTP.newWebSocketBuilder().connectTimeout(PATIENCE);
    if (apiKey != null) {
      builder.header("Authorization", "Bearer " + apiKey);
    }
    for (int i = 0; i < headers.length; i += 2) {
      builder.header(headers[i], headers[i + 1]);
    }
    TestSocket socket = new TestSocket();
    try {
      builder.buildAsync(URI.create("ws://" + address + path), socket).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError(e);
    }
    return socket;
  }
}
