package dev.agentruntime.support;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A reader of server-sent events, written after the HTML standard alone. Blocking, for tests. */
public final class TestStream implements AutoCloseable {

  private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private final HttpResponse<java.io.InputStream> response;
  private final BufferedReader reader;

  /** @param id {@code null} if there is none */
  public record Event(String id, String name, JsonNode data) {}

  /** @param lastEventId {@code null} for a snapshot */
  public TestStream(int port, String sessionId, String lastEventId) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/sessions/" + sessionId + "/events"))
        .timeout(Duration.ofSeconds(60)).header("Accept", "text/event-stream");
    if (lastEventId != null) {
      request.header("Last-Event-ID", lastEventId);
    }
    try {
      response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
      reader = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  public int status() {
    return response.statusCode();
  }

  /** The next event; {@code null} at the end of the stream. */
  public Event next() {
    String id = null;
    String name = null;
    StringBuilder data = new StringBuilder();
    try {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (line.startsWith("id: ")) {
          id = line.substring(4);
        } else if (line.startsWith("event: ")) {
          name = line.substring(7);
        } else if (line.startsWith("data: ")) {
          data.append(line.substring(6));
        } else if (line.isEmpty() && !data.isEmpty()) {
          return new Event(id, name, Json.tree(data.toString()));
        }
      }
      return null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      response.body().close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
