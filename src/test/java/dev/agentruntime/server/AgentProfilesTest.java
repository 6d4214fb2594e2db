package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestClient.Answer;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TestServer;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Profiles saved and deleted over REST, beside those from files. */
class AgentProfilesTest {

  /** Set wherever the tests run. */
  private static final String ALLOWED = "PATH";

  @TempDir
  static Path directory;

  static PersistenceAdapter store;
  static TestServer server;
  static TestClient client;

  private final String id = "profile-" + UUID.randomUUID();
  private final String path = "/agent-profiles/" + id;

  @BeforeAll
  static void start() {
    server = TestServer.start(directory, Map.of("AGENT_RUNTIME_PROFILE_VARIABLES", ALLOWED), opened -> {
      store = opened;
      return opened;
    });
    client = server.client();
  }

  @AfterAll
  static void stop() {
    server.runtime.unloadAll();
    server.close();
  }

  private static ObjectNode profile(String name) {
    ObjectNode profile = Json.object().put("name", name).put("architecture", "claude-agent-sdk");
    profile.putArray("command").add("demo");
    return profile;
  }

  private Answer put(JsonNode document, String... headers) {
    List<String> all = new ArrayList<>(List.of(headers));
    all.addAll(List.of("Content-Type", "application/json"));
    return client.send("PUT", path, BodyPublishers.ofString(document.toString()), all.toArray(String[]::new));
  }

  private Answer delete(String... headers) {
    return client.send("DELETE", path, BodyPublishers.noBody(), headers);
  }

  @Test
  void aSavedProfileIsListedShownAndRun() {
    ObjectNode document = profile("Saved").put("description", "For tests.");
    document.putArray("defaultWorkspaceFiles").addObject().put("path", "a.txt").put("content", "from the profile");
    Answer created = put(document);
    assertThat(created.status()).isEqualTo(201);
    assertThat(created.json().path("profile")).isEqualTo(document);
    assertThat(created.json().path("source").asText()).isEqualTo("store");
    assertThat(created.header("ETag")).isEqualTo("\"" + created.json().path("version").asText() + "\"");
    Answer shown = client.get(path);
    assertThat(shown.json()).isEqualTo(created.json());
    assertThat(shown.header("ETag")).isEqualTo(created.header("ETag"));
    assertThat(client.get("/agent-profiles").json().path("profiles")).contains(
        Json.object().put("id", id).put("name", "Saved").put("description", "For tests."));

    try (LiveSession session = LiveSession.create(client, id)) {
      assertThat(session.runs("say hello").path("outcome").asText()).isEqualTo("success");
      assertThat(client.get("/sessions/" + session.id + "/files/a.txt").text()).isEqualTo("from the profile");
    }
  }

  @Test
  void aChangedProfileHasAnotherVersionAndADeletedOneIsGone() {
    String first = put(profile("First")).header("ETag");
    Answer second = put(profile("Second"));
    assertThat(second.status()).isEqualTo(200);
    assertThat(second.header("ETag")).isNotEqualTo(first);
    assertThat(client.get(path).json().path("name").asText()).isEqualTo("Second");

    assertThat(delete().json()).isEqualTo(Json.object().put("success", true).put("id", id));
    assertThat(client.get(path).code()).isEqualTo("PROFILE_NOT_FOUND");
    assertThat(delete().code()).isEqualTo("PROFILE_NOT_FOUND");
    assertThat(client.post("/sessions/create", "{\"agentProfileRef\":\"" + id + "\"}").code()).isEqualTo("PROFILE_NOT_FOUND");
  }

  @Test
  void twoEditorsDoNotOverwriteOneAnother() {
    assertThat(put(profile("x"), "If-Match", "\"none\"").status()).isEqualTo(412);
    assertThat(put(profile("x"), "If-Match", "*").status()).isEqualTo(412);
    String first = put(profile("First"), "If-None-Match", "*").header("ETag");
    assertThat(put(profile("x"), "If-None-Match", "*").status()).isEqualTo(412);
    String second = put(profile("Second"), "If-Match", first).header("ETag");

    Answer late = put(profile("Late"), "If-Match", first);
    assertThat(late.status()).isEqualTo(412);
    assertThat(late.code()).isEqualTo("CONFLICT");
    assertThat(delete("If-Match", first).status()).isEqualTo(412);
    assertThat(client.get(path).json().path("name").asText()).isEqualTo("Second");
    assertThat(put(profile("Third"), "If-Match", first + ", " + second).status()).isEqualTo(200);
    assertThat(delete("If-Match", "*").status()).isEqualTo(200);
  }

  @Test
  void ofManyEditorsAtOnceOneWinsAndWithoutAConditionAll() throws Exception {
    String first = put(profile("First")).header("ETag");
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<Answer>> conditional = new ArrayList<>();
      List<Future<Answer>> plain = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        String name = "Editor " + i;
        conditional.add(threads.submit(() -> put(profile(name), "If-Match", first)));
      }
      int won = 0;
      for (Future<Answer> answer : conditional) {
        won += answer.get().status() == 200 ? 1 : 0;
      }
      assertThat(won).isEqualTo(1);
      for (int i = 0; i < 8; i++) {
        String name = "Writer " + i;
        plain.add(threads.submit(() -> put(profile(name))));
      }
      Set<String> versions = new HashSet<>();
      for (Future<Answer> answer : plain) {
        assertThat(answer.get().status()).isEqualTo(200);
        versions.add(answer.get().header("ETag"));
      }
      assertThat(versions).hasSize(8).contains(client.get(path).header("ETag"));
    }
  }

  @Test
  void aProfileFromAFileIsItsOperators() {
    JsonNode shown = client.get("/agent-profiles/demo").json();
    assertThat(shown.path("source").asText()).isEqualTo("file");
    assertThat(shown.has("profile") || shown.has("version")).isFalse();
    for (Answer refused : List.of(
        client.send("PUT", "/agent-profiles/demo", BodyPublishers.ofString(profile("x").toString()), "Content-Type", "application/json"),
        client.delete("/agent-profiles/demo"))) {
      assertThat(refused.status()).isEqualTo(409);
      assertThat(refused.code()).isEqualTo("CONFLICT");
    }
    assertThat(client.get("/agent-profiles/demo").json()).isEqualTo(shown);
  }

  @Test
  void everyMistakeIsNamed() {
    ObjectNode document = profile("x").put("systemPromt", "y");
    document.putArray("defaultWorkspaceFiles").addObject().put("path", "../x").put("content", "");
    Answer refused = put(document);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.json().path("details").findValuesAsText("path")).containsExactlyInAnyOrder("", "/defaultWorkspaceFiles/0/path");
    assertThat(refused.text()).contains("did you mean systemPrompt?");
    assertThat(client.get(path).status()).isEqualTo(404);
    assertThat(put(Json.MAPPER.createArrayNode()).code()).isEqualTo("INVALID_REQUEST");
    assertThat(client.send("PUT", path, BodyPublishers.ofString(profile("half *").toString().replace("*", "\\ud83d")),
        "Content-Type", "application/json").code()).isEqualTo("INVALID_REQUEST");
  }

  @Test
  void anAgentThatThisServerDoesNotRunIsRefusedWithThoseItDoes() {
    Answer refused = put(profile("x").put("architecture", "opencode"));
    assertThat(refused.code()).isEqualTo("INVALID_REQUEST");
    assertThat(refused.json().path("details")).containsExactly(
        Json.object().put("path", "/architecture").put("message", "is not one of [claude-agent-sdk]"));
    assertThat(client.get(path).status()).isEqualTo(404);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a%20b", "-x", "%C3%BC", ".", "a%2Fb", "a%00"})
  void whatIsNoIdIsRefused(String name) {
    Answer refused = client.send("PUT", "/agent-profiles/" + name, BodyPublishers.ofString(profile("x").toString()),
        "Content-Type", "application/json");
    assertThat(refused.status()).as(refused.text()).isBetween(400, 405);
  }

  @ParameterizedTest
  @CsvSource({"HOME", "ANTHROPIC_API_KEY", "NEVER_SET_ANYWHERE"})
  void theServersEnvironmentIsNotReadByWhoeverMaySaveAProfile(String name) {
    ObjectNode document = profile("x");
    document.putObject("environmentVariables").put("STOLEN", "${" + name + "}");
    Answer refused = put(document);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.json().at("/details/0/path").asText()).isEqualTo("/environmentVariables/STOLEN");
    assertThat(refused.json().at("/details/0/message").asText()).contains("refers to " + name);
    assertThat(client.get(path).status()).isEqualTo(404);
  }

  @Test
  void whatIsAllowedReachesTheAgentAndNobodyElse() {
    ObjectNode document = profile("x");
    document.putObject("environmentVariables").put("SHOWN", "${" + ALLOWED + "}").put("TEXT", "$${HOME}");
    assertThat(put(document).json().at("/profile/environmentVariables/SHOWN").asText()).isEqualTo("${" + ALLOWED + "}");
    assertThat(client.get(path).text()).doesNotContain(System.getenv(ALLOWED));
  }

  @Test
  void secretsAreNotShownAndStayWhenTheProfileIsSentBack() {
    ObjectNode document = profile("x");
    document.putObject("environmentVariables").put("TOKEN", "hush-1").put("OTHER", "hush-2");
    ObjectNode tracker = document.putArray("externalMCPs").addObject().put("name", "tracker").put("type", "http")
        .put("url", "http://localhost:1/mcp");
    tracker.putObject("headers").put("Authorization", "Bearer hush-3").put("X-Path", "Bearer ${" + ALLOWED + "}");
    Answer saved = put(document);
    assertThat(saved.status()).as(saved.text()).isEqualTo(201);
    Answer shown = client.get(path);
    assertThat(saved.text() + shown.text() + client.get("/agent-profiles").text()).doesNotContain("hush");
    assertThat(shown.json().at("/profile/externalMCPs/0/headers/X-Path").asText()).isEqualTo("Bearer ${" + ALLOWED + "}");

    ObjectNode changed = (ObjectNode) shown.json().path("profile");
    changed.put("name", "y");
    ((ObjectNode) changed.path("environmentVariables")).put("OTHER", "new").put("THIRD", "********");
    assertThat(put(changed).json().at("/details/0/path").asText()).isEqualTo("/environmentVariables/THIRD");
    ((ObjectNode) changed.path("environmentVariables")).remove("THIRD");
    changed.withArray("externalMCPs").insertObject(0).put("name", "first").put("command", "true");
    assertThat(put(changed).status()).isEqualTo(200);

    JsonNode stored = stored();
    assertThat(stored.at("/environmentVariables/TOKEN").asText()).isEqualTo("hush-1");
    assertThat(stored.at("/environmentVariables/OTHER").asText()).isEqualTo("new");
    assertThat(stored.at("/externalMCPs/1/headers/Authorization").asText()).isEqualTo("Bearer hush-3");
  }

  private JsonNode stored() {
    return TestRuntime.await(store.loadAgentProfile(id)).orElseThrow().document();
  }

  @Test
  void theDocumentedProfileIsTheOneThatIsChecked() throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode schema = (ObjectNode) json.readTree(getClass().getResourceAsStream("/agent-profile.schema.json"));
    schema.remove("$schema");
    JsonNode documented = json.readTree(new ApiDocuments().openApi.at("/components/schemas/AgentProfileDocument").toString()
        .replace("#/components/schemas/AgentProfileDocument/$defs/", "#/$defs/"));
    assertThat(documented).isEqualTo(schema);
  }
}
