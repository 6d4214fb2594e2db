package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.Sibling;
import dev.agentruntime.support.Sibling.Heard;
import dev.agentruntime.support.Sibling.Reply;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the contract promises siblings on the event bus; each kind of sibling is held to it. One runtime for all tests of a class. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class BusContract {

  static final String SESSIONS = "agent-runtime.sessions";

  abstract TestRuntime runtime();

  abstract Sibling sibling();

  final JsonObject ask(String address, String action, JsonObject body) {
    return sibling().ask(address, action, body).answer();
  }

  final String newSession() {
    return ask(SESSIONS, "create", new JsonObject().put("agentProfileRef", "demo")).getString("sessionId");
  }

  static String address(String sessionId) {
    return "agent-runtime.session." + sessionId;
  }

  static JsonObject said(String text) {
    return new JsonObject().put("content", text);
  }

  private static JsonNode tree(byte[] json) {
    try {
      return Json.tree(json);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean completed(JsonNode event, String turnId) {
    return event.path("event").asText().equals("session:turn:completed") && event.at("/data/turnId").asText().equals(turnId);
  }

  @Test
  void aSessionIsCreatedListedAndRead() {
    JsonObject created = ask(SESSIONS, "create", new JsonObject().put("agentProfileRef", "demo").put("name", "Sam")
        .put("metadata", new JsonObject().put("team", "blue")).put("sessionOptions", new JsonObject().put("model", "small")));
    String id = created.getString("sessionId");
    assertThat(created.getJsonObject("runtime").getBoolean("isLoaded")).isFalse();
    assertThat(created.getLong("createdAt")).isPositive();
    assertThat(created.getJsonObject("sessionOptions").getString("model")).isEqualTo("small");

    newSession();
    JsonArray all = ask(SESSIONS, "list", new JsonObject().put("limit", 200)).getJsonArray("sessions");
    assertThat(all).extracting(item -> ((JsonObject) item).getString("sessionId")).contains(id);
    JsonObject first = ask(SESSIONS, "list", new JsonObject().put("limit", 1));
    assertThat(first.getJsonArray("sessions")).isEqualTo(JsonArray.of(all.getJsonObject(0)));
    JsonObject second = ask(SESSIONS, "list", new JsonObject().put("limit", 1).put("after", first.getString("next")));
    assertThat(second.getJsonArray("sessions")).isEqualTo(JsonArray.of(all.getJsonObject(1)));
    assertThat(ask(SESSIONS, "list", null).getJsonArray("sessions").size()).isGreaterThan(1);

    JsonObject snapshot = ask(address(id), "get", null);
    assertThat(snapshot.getString("name")).isEqualTo("Sam");
    assertThat(tree(snapshot.toBuffer().getBytes())).isEqualTo(tree(await(runtime().sessions().get(id))));
  }

  @Test
  void theProfilesAreThoseOfRest() {
    assertThat(ask(SESSIONS, "profiles", new JsonObject()).getJsonArray("profiles")).extracting(profile -> ((JsonObject) profile).getString("id"))
        .contains("demo", "default");
  }

  @Test
  void theEventsOfATurnFoldToTheSnapshot() {
    String id = newSession();
    Heard events = sibling().listen(address(id) + ".events");
    EventFold fold = new EventFold(Follower.snapshot(ask(address(id), "get", null).toBuffer().getBytes()));

    String messageId = UUID.randomUUID().toString();
    JsonObject accepted = ask(address(id), "message", said("think hard; say \"good morning\" in 3 deltas; write a.txt: x")
        .put("messageId", messageId));
    assertThat(accepted.getBoolean("success")).isTrue();
    assertThat(accepted.getString("sessionId")).isEqualTo(id);
    assertThat(accepted.getString("messageId")).isEqualTo(messageId);
    assertThat(accepted.getInteger("queued")).isZero();

    events.until(event -> {
      fold.applyFrame(event);
      return completed(event, accepted.getString("turnId"));
    });
    byte[] now = ask(address(id), "get", null).toBuffer().getBytes();
    long seq = Follower.snapshot(now).seq();
    while (fold.seq() < seq) {
      events.until(event -> fold.applyFrame(event).seq() > 0);
    }
    assertThat(fold.completedTurns()).singleElement().satisfies(turn -> assertThat(turn.outcome()).isEqualTo(TurnOutcome.SUCCESS));
    assertThat(fold.snapshot()).isEqualTo(Follower.snapshot(now));
    assertThat(ask(address(id), "message", said("anything").put("messageId", messageId))).isEqualTo(accepted);
  }

  @Test
  void aTurnIsInterruptedAndABusySessionSaysSo() {
    String id = newSession();
    Heard events = sibling().listen(address(id) + ".events");
    String turnId = ask(address(id), "message", said("say hello; silent")).getString("turnId");
    events.next("session:block:delta");

    Reply busy = sibling().ask(address(id), "message", said("say no").put("whenBusy", "reject"));
    assertThat(busy.failureCode()).isEqualTo(409);
    assertThat(busy.body().getString("code")).isEqualTo("SESSION_BUSY");

    JsonObject interrupted = ask(address(id), "interrupt", null);
    assertThat(interrupted).isEqualTo(new JsonObject().put("success", true).put("sessionId", id));
    assertThat(events.until(event -> completed(event, turnId)).getLast().at("/data/outcome").asText()).isEqualTo("interrupted");
  }

  @Test
  void optionsAreMergedAndTold() {
    String id = newSession();
    Heard events = sibling().listen(address(id) + ".events");
    ask(address(id), "options", new JsonObject().put("sessionOptions", new JsonObject().put("model", "one").put("maxTurns", 3)));
    JsonObject changes = new JsonObject().put("sessionOptions", new JsonObject().put("model", "two").putNull("maxTurns"));
    JsonObject inForce = new JsonObject().put("sessionId", id).put("sessionOptions", new JsonObject().put("model", "two"));
    assertThat(ask(address(id), "options", changes)).isEqualTo(inForce);
    events.next("session:options:update");
    assertThat(events.next("session:options:update").at("/data/options/model").asText()).isEqualTo("two");
  }

  @Test
  void aSessionComesAndGoesUnderItsAddress() {
    Heard lifecycle = sibling().listen("agent-runtime.lifecycle");
    String id = newSession();
    JsonNode created = lifecycle.next("session:created");
    assertThat(created.at("/data/sessionId").asText()).isEqualTo(id);
    assertThat(created.at("/data/session/agentProfileReference").asText()).isEqualTo("demo");

    String epoch = ask(address(id), "get", null).getString("epoch");
    assertThat(lifecycle.next("session:loaded").at("/data/sessionId").asText()).isEqualTo(id);
    ask(address(id), "sync", new JsonObject());
    ask(address(id), "unload", new JsonObject());
    assertThat(lifecycle.next("session:unloaded").at("/data/sessionId").asText()).isEqualTo(id);
    assertThat(ask(address(id), "get", null).getString("epoch")).as("loaded anew").isNotEqualTo(epoch);
    lifecycle.next("session:loaded");

    ask(address(id), "delete", null);
    assertThat(lifecycle.until(event -> event.path("event").asText().equals("session:deleted")))
        .extracting(event -> event.path("event").asText()).containsExactly("session:unloaded", "session:deleted");
    Reply gone = sibling().ask(address(id), "get", null);
    assertThat(gone.failureCode()).isEqualTo(404);
    assertThat(gone.body().getString("code")).isEqualTo("SESSION_NOT_FOUND");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      create   | {}                                                           | 400 | INVALID_REQUEST   | /agentProfileRef
      create   | {"agentProfileRef":"demo","nme":"x"}                         | 400 | INVALID_REQUEST   | /nme
      create   | {"agentProfileRef":5}                                        | 400 | INVALID_REQUEST   | /agentProfileRef
      create   | {"agentProfileRef":"demo","name":null}                       | 400 | INVALID_REQUEST   | /name
      create   | {"agentProfileRef":"demo","metadata":[]}                     | 400 | INVALID_REQUEST   | /metadata
      create   | {"agentProfileRef":"demo","sessionOptions":{"modl":"x"}}     | 400 | INVALID_REQUEST   | /sessionOptions/modl
      create   | {"agentProfileRef":"demo","defaultWorkspaceFiles":{}}        | 400 | INVALID_REQUEST   | /defaultWorkspaceFiles
      create   | {"agentProfileRef":"demo","defaultWorkspaceFiles":[null]}    | 400 | INVALID_REQUEST   | /defaultWorkspaceFiles/0
      create   | {"agentProfileRef":"demo","defaultWorkspaceFiles":[{"path":"a"}]}               | 400 | INVALID_REQUEST | /defaultWorkspaceFiles/0/content
      create   | {"agentProfileRef":"demo","defaultWorkspaceFiles":[{"path":"a","content":"","encoding":0}]} | 400 | INVALID_REQUEST | /defaultWorkspaceFiles/0/encoding
      create   | {"agentProfileRef":"demo","defaultWorkspaceFiles":[{"path":"../a","content":""}]} | 400 | INVALID_REQUEST | /defaultWorkspaceFiles/0/path
      create   | {"agentProfileRef":"none"}                                   | 404 | PROFILE_NOT_FOUND |
      list     | {"limit":0}                                                  | 400 | INVALID_REQUEST   | /limit
      list     | {"limit":201}                                                | 400 | INVALID_REQUEST   | /limit
      list     | {"limit":"5"}                                                | 400 | INVALID_REQUEST   | /limit
      list     | {"limit":1.5}                                                | 400 | INVALID_REQUEST   | /limit
      list     | {"limits":5}                                                 | 400 | INVALID_REQUEST   | /limits
      list     | {"after":"nowhere"}                                          | 400 | INVALID_REQUEST   |
      profiles | {"all":true}                                                 | 400 | INVALID_REQUEST   | /all
      remove   | {}                                                           | 400 | INVALID_REQUEST   |
      ''       | {}                                                           | 400 | INVALID_REQUEST   |
      """)
  void whatDoesNotFitTheCollectionIsRefused(String action, String body, int status, String code, String path) {
    refused(sibling().ask(SESSIONS, action, new JsonObject(body)), status, code, path);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      message   | {}                                                 | /content
      message   | {"content":""}                                     | /content
      message   | {"content":[]}                                     | /content
      message   | {"content":7}                                      | /content
      message   | {"content":{"type":"text","text":"x"}}             | /content
      message   | {"content":[{"type":"video"}]}                     | /content/0/type
      message   | {"content":["x"]}                                  | /content/0/type
      message   | {"content":[{"type":"text"}]}                      | /content/0/text
      message   | {"content":[{"type":"text","text":""}]}            | /content/0/text
      message   | {"content":[{"type":"text","text":"x","lang":1}]}  | /content/0/lang
      message   | {"content":[{"type":"image"}]}                     | /content/0/source/type
      message   | {"content":[{"type":"image","source":{"type":"base64","media_type":"image/bmp","data":"AAAA"}}]} | /content/0/source/media_type
      message   | {"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"A A"}}]}  | /content/0/source/data
      message   | {"content":"x","messageId":"mine"}                 | /messageId
      message   | {"content":"x","messageId":7}                      | /messageId
      message   | {"content":"x","whenBusy":"wait"}                  | /whenBusy
      message   | {"content":"x","whenBusy":0}                       | /whenBusy
      message   | {"content":"x","whenBusy":""}                      | /whenBusy
      message   | {"content":"x","when":"reject"}                    | /when
      options   | {}                                                 | /sessionOptions
      options   | {"sessionOptions":"model"}                         | /sessionOptions
      options   | {"sessionOptions":{"modl":"x"}}                    | /sessionOptions/modl
      get       | {"fields":"blocks"}                                | /fields
      interrupt | {"turnId":"x"}                                     | /turnId
      sync      | {"now":true}                                       | /now
      unload    | {"now":true}                                       | /now
      delete    | {"really":true}                                    | /really
      erase     | {}                                                 |
      """)
  void whatDoesNotFitASessionIsRefused(String action, String body, String path) {
    String id = newSession();
    refused(sibling().ask(address(id), action, new JsonObject(body)), 400, "INVALID_REQUEST", path);
    assertThat(ask(address(id), "get", null).getJsonArray("blocks")).as("nothing has happened").isEmpty();
  }

  static void refused(Reply reply, int status, String code, String path) {
    assertThat(reply.failureCode()).as(reply.toString()).isEqualTo(status);
    assertThat(reply.body().getString("code")).isEqualTo(code);
    assertThat(reply.body().getString("error")).isNotBlank().endsWith(".");
    List<?> details = reply.body().containsKey("details") ? reply.body().getJsonArray("details").getList() : List.of();
    if (path != null) {
      assertThat(reply.body().getJsonArray("details")).as(details.toString())
          .anySatisfy(detail -> assertThat(((JsonObject) detail).getString("path")).isEqualTo(path));
    }
  }
}
