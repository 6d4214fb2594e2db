package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.support.BusSibling;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.Sibling;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Siblings in the same JVM, and what concerns only them. */
class SessionBusIT extends BusContract {

  private TestRuntime runtime;
  private Sibling sibling;

  @BeforeAll
  void start(@TempDir Path directory) {
    runtime = TestRuntime.start(directory, Map.of("AGENT_RUNTIME_STORE_URL", "memory:"));
    sibling = new BusSibling(runtime.vertx);
  }

  @AfterAll
  void stop() {
    sibling.close();
    runtime.close();
  }

  @Override
  TestRuntime runtime() {
    return runtime;
  }

  @Override
  Sibling sibling() {
    return sibling;
  }

  @Test
  void aBodyMayBeJsonAsTextOrBytes() {
    assertThat(sibling.ask(SESSIONS, "list", "{\"limit\":1}").answer().getJsonArray("sessions")).hasSizeLessThanOrEqualTo(1);
    assertThat(sibling.ask(SESSIONS, "list", Buffer.buffer("{\"limit\":1}")).answer().getJsonArray("sessions")).hasSizeLessThanOrEqualTo(1);
  }

  @Test
  void whatIsNoJsonObjectIsRefused() {
    for (Object body : new Object[] {"{", "[]", "", Buffer.buffer("{\"limit\""), new JsonArray(), 5, true}) {
      refused(sibling.ask(SESSIONS, "list", body), 400, "INVALID_REQUEST", null);
    }
    refused(sibling.ask(SESSIONS, null, new JsonObject()), ErrorCode.INVALID_REQUEST.status(), "INVALID_REQUEST", null);
  }

  /** Half of a surrogate pair has no form in UTF-8, so that it could not be stored. */
  @Test
  void whatCannotBeStoredIsRefused() {
    String id = newSession();
    refused(sibling.ask(address(id), "message", said("half \ud83d")), 400, "INVALID_REQUEST", "/content");
    refused(sibling.ask(SESSIONS, "create", new JsonObject().put("agentProfileRef", "demo")
        .put("metadata", new JsonObject().put("a", new JsonArray().add("\ude00")))), 400, "INVALID_REQUEST", "/metadata/a/0");
  }

  @Test
  void everyListenerHasAnEventOfItsOwn() throws Exception {
    String id = newSession();
    CompletableFuture<JsonObject> first = new CompletableFuture<>();
    CompletableFuture<JsonObject> second = new CompletableFuture<>();
    for (CompletableFuture<JsonObject> listener : List.of(first, second)) {
      await(runtime.vertx.eventBus().<JsonObject>consumer(address(id) + ".events", message -> {
        JsonObject event = message.body();
        if (event.getString("event").equals("session:options:update")) {
          JsonObject asItCame = event.copy();
          event.put("event", "spoilt").getJsonObject("data").clear();
          listener.complete(asItCame);
        }
      }).completion());
    }
    ask(address(id), "options", new JsonObject().put("sessionOptions", new JsonObject().put("model", "one")));
    assertThat(first.get(60, TimeUnit.SECONDS)).isEqualTo(second.get(60, TimeUnit.SECONDS));
    assertThat(second.join().getJsonObject("data").getJsonObject("options").getString("model")).isEqualTo("one");
  }

  @Test
  void aSessionKeepsItsAddressWhenTheVerticleThatMadeItIsGone() {
    CompletableFuture<String> made = new CompletableFuture<>();
    String deployment = await(runtime.vertx.deployVerticle(new VerticleBase() {
      @Override
      public Future<?> start() {
        return runtime.sessions().create(new CreateSession("demo", null, null, null, null, null))
            .onSuccess(created -> made.complete(created.sessionId()));
      }
    }));
    await(runtime.vertx.undeploy(deployment));
    assertThat(ask(address(made.join()), "get", null).getString("sessionId")).isEqualTo(made.join());
  }

  @Test
  void aSessionThatNeverWasIsSaidNotToBe() {
    refused(sibling.ask(address("00000000-0000-4000-8000-000000000000"), "get", null), 404, "SESSION_NOT_FOUND", null);
    assertThat(sibling.ask(address("not-the-id-of-a-session"), "get", null).failureCode()).as("NO_HANDLERS").isEqualTo(-1);
  }

  @Test
  void anAddressOutlivesWhoSentToItFirst(@TempDir Path directory) {
    TestRuntime before = TestRuntime.start(directory, Map.of());
    String id = before.newSession();
    before.close();

    List<String> calls = new CopyOnWriteArrayList<>();
    TestRuntime again = TestRuntime.start(directory, Map.of(),
        store -> Intercepted.of(PersistenceAdapter.class, store, (method, arguments, real) -> {
          calls.add(method.getName());
          return real.get();
        }));
    try {
      assertThat(calls).as("a start reads no more than what was cut off").contains("listRecoverableSessions").doesNotContain("listAllSessions");
      Promise<String> answer = Promise.promise();
      await(again.vertx.undeploy(await(again.vertx.deployVerticle(new VerticleBase() {
        @Override
        public Future<?> start() {
          return vertx.eventBus().<JsonObject>request(address(id), null, new DeliveryOptions().addHeader("action", "get"))
              .onSuccess(reply -> answer.complete(reply.body().getString("sessionId")));
        }
      }))));
      assertThat(await(answer.future())).isEqualTo(id);
      assertThat(new BusSibling(again.vertx).ask(address(id), "unload", null).answer().getBoolean("success")).isTrue();
    } finally {
      again.close();
    }
  }
}
