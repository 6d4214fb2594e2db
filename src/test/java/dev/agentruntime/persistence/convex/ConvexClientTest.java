package dev.agentruntime.persistence.convex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.AgentRuntime;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.SelfSignedCertificate;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What is sent, and what is made of answers that are none of Convex's. */
@Execution(ExecutionMode.CONCURRENT)
class ConvexClientTest {

  private static final String KEY = "prod:happy-animal-123|hush";

  private final Vertx vertx = Vertx.vertx();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private HttpServer server;
  private ConvexClient client;

  @AfterEach
  void close() throws Exception {
    await(vertx.close());
  }

  private void serve(Consumer<HttpServerRequest> handler) throws Exception {
    server = await(vertx.createHttpServer().requestHandler(request -> request.bodyHandler(body -> {
      requests.add(request.method() + " " + request.path() + " " + request.getHeader("Authorization") + " " + body);
      handler.accept(request);
    })).listen(0, "127.0.0.1"));
    client = new ConvexClient(vertx, address(), KEY, ConvexBridge.TIMEOUT_MS);
  }

  private URI address() {
    return URI.create("http://127.0.0.1:" + server.actualPort());
  }

  private static void answer(HttpServerRequest request, int status, String body) {
    request.response().setStatusCode(status).end(body);
  }

  private static <T> T await(Future<T> future) throws Exception {
    try {
      return future.toCompletionStage().toCompletableFuture().get();
    } catch (ExecutionException e) {
      throw (Exception) e.getCause();
    }
  }

  private PersistenceException failure(Future<?> call) {
    PersistenceException failure = catchThrowableOfType(PersistenceException.class, () -> await(call));
    assertThat(failure.getMessage()).doesNotContain("hush").doesNotContain("127.0.0.1");
    return failure;
  }

  @Test
  void callsAsTheClientOfTheVendorDoes() throws Exception {
    serve(request -> answer(request, 200, "{\"status\":\"success\",\"value\":{\"a\":null},\"logLines\":[]}"));
    JsonNode answered = await(client.query("sessions:find", Json.object().put("sessionId", "s")));
    assertThat(answered).isEqualTo(Json.object().putNull("a"));
    await(client.mutation("m:f", Json.object()));
    assertThat(requests).containsExactly(
        "POST /api/query Convex " + KEY
            + " {\"path\":\"sessions:find\",\"format\":\"convex_encoded_json\",\"args\":[{\"sessionId\":\"s\"}]}",
        "POST /api/mutation Convex " + KEY + " {\"path\":\"m:f\",\"format\":\"convex_encoded_json\",\"args\":[{}]}");
  }

  @Test
  void whatAFunctionRefusesIsItsKind() throws Exception {
    serve(request -> answer(request, 560, "{\"status\":\"error\",\"errorMessage\":\"x\",\"errorData\":{\"kind\":\"GAP\"}}"));
    assertThat(failure(client.query("f:f", Json.object())).kind()).isEqualTo(Kind.GAP);
    assertThat(requests).as("is not asked again").hasSize(1);
  }

  @Test
  void aFunctionThatFailsSaysNothingOfTheData() throws Exception {
    serve(request -> answer(request, 200, "{\"status\":\"error\",\"errorMessage\":\"secret of a user\"}"));
    assertThat(failure(client.query("f:f", Json.object()))).hasMessage("the store failed");
    assertThat(requests).hasSize(1);
  }

  /** Called twice, the first might be done after the second, and after what came later than that. */
  @Test
  void aWriteIsRepeatedOnlyIfConvexHasSaidThatItDidNotRun() throws Exception {
    serve(request -> answer(request, requests.size() < 2 ? 503 : requests.size() < 3 ? 429 : 200,
        requests.size() < 3 ? "{\"code\":\"ServiceUnavailable\"}" : "{\"status\":\"success\",\"value\":1}"));
    assertThat(await(client.write("f:f", Json.object())).asInt()).isOne();
    assertThat(requests).hasSize(3);

    for (int status : new int[] {500, 502, 503, 504}) {
      assertWrittenOnce(request -> answer(request, status, ""), "the store failed (HTTP " + status + ")");
    }
    assertWrittenOnce(request -> request.connection().close(), "the store cannot be reached");
  }

  private void assertWrittenOnce(Consumer<HttpServerRequest> handler, String message) throws Exception {
    await(server.close());
    requests.clear();
    serve(handler);
    assertThat(failure(client.write("f:f", Json.object()))).hasMessage(message);
    assertThat(requests).hasSize(1);
  }

  @Test
  void aCallThatBearsItIsRepeatedWhenItsAnswerWasLost() throws Exception {
    serve(request -> {
      if (requests.size() < 2) {
        request.connection().close();
      } else {
        answer(request, 200, "{\"status\":\"success\",\"value\":1}");
      }
    });
    assertThat(await(client.mutation("f:f", Json.object())).asInt()).isOne();
    assertThat(requests).hasSize(2);
  }

  @Test
  void whatIsNotConvexIsSaid() throws Exception {
    serve(request -> answer(request, 200, "<html>"));
    assertThat(failure(client.query("f:f", Json.object()))).hasMessageContaining("does not answer as Convex does");
    await(server.close());
    serve(request -> answer(request, 404, ""));
    assertThat(failure(client.query("f:f", Json.object()))).hasMessageContaining("does not answer as Convex does (HTTP 404)");
  }

  @Test
  void theKeyIsNotSentElsewhere() throws Exception {
    serve(request -> request.response().setStatusCode(303).putHeader("Location", address() + "/elsewhere").end());
    assertThat(failure(client.query("f:f", Json.object()))).hasMessageContaining("HTTP 303");
    assertThat(requests).hasSize(1);
  }

  @Test
  void theKeyIsSentToNobodyWhoseCertificateIsNotBelieved() throws Exception {
    SelfSignedCertificate certificate = SelfSignedCertificate.create("localhost");
    server = await(vertx.createHttpServer(new HttpServerOptions().setSsl(true).setKeyCertOptions(certificate.keyCertOptions()))
        .requestHandler(request -> requests.add(request.path())).listen(0, "127.0.0.1"));
    client = new ConvexClient(vertx, URI.create("https://localhost:" + server.actualPort()), KEY, ConvexBridge.TIMEOUT_MS);
    assertThat(failure(client.query("f:f", Json.object()))).hasMessage("the store cannot be reached");
    assertThat(requests).isEmpty();
    certificate.delete();
  }

  @Test
  void doesNotWaitForever() throws Exception {
    serve(request -> { });
    ConvexClient impatient = new ConvexClient(vertx, address(), KEY, 1);
    assertThat(failure(impatient.query("f:f", Json.object()))).hasMessage("the store did not answer in time");
  }

  @Test
  void waitsAsLongAsTheSettingSays() throws Exception {
    serve(request -> { });
    Future<Void> longer = store("3600000").ping();
    assertThat(failure(store("1000").ping())).hasMessage("the store did not answer in time");
    assertThat(longer.isComplete()).isFalse();
  }

  private PersistenceAdapter store(String timeoutMs) {
    return AgentRuntime.persistence(vertx, TestRuntime.settings(Path.of("unused"), Map.of("AGENT_RUNTIME_STORE_URL", "convex+" + address(),
        "CONVEX_DEPLOY_KEY", KEY, "AGENT_RUNTIME_STORE_TIMEOUT_MS", timeoutMs)));
  }

  @Test
  void aStoreThatIsNotThereIsSaid() throws Exception {
    serve(request -> { });
    await(server.close());
    assertThat(failure(client.query("f:f", Json.object()))).hasMessage("the store cannot be reached");
  }

  @Test
  void textThatIsNoneIsRefused() throws Exception {
    serve(request -> answer(request, 200, "{\"status\":\"success\"}"));
    assertThat(failure(client.query("f:f", Json.object().put("id", "half of a pair: \ud83d"))).kind()).isEqualTo(Kind.INVALID);
    assertThat(failure(client.query("f:f", Json.object().put("id", "\ude80"))).kind()).isEqualTo(Kind.INVALID);
    assertThat(requests).isEmpty();
  }

  @Test
  void closesAfterWhatItHasBegun() throws Exception {
    Promise<HttpServerRequest> arrived = Promise.promise();
    serve(arrived::complete);
    Future<JsonNode> begun = client.query("f:f", Json.object());
    HttpServerRequest request = await(arrived.future());
    Future<Void> closed = client.close();
    assertThat(failure(client.query("f:f", Json.object()))).hasMessage("the store is closed");
    answer(request, 200, "{\"status\":\"success\",\"value\":7}");
    assertThat(await(begun).asInt()).isEqualTo(7);
    await(closed);
  }
}
