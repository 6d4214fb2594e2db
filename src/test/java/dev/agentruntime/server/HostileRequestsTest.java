package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestServer;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests as nobody should send them: a clear error for each, and the server goes on. */
class HostileRequestsTest {

  private static final int LIMIT = 65_536;

  @TempDir
  static Path directory;

  static TestServer server;
  static TestClient client;
  static String session;

  @BeforeAll
  static void start() {
    server = TestServer.start(directory, Map.of("AGENT_RUNTIME_LIMITS_REQUEST_BYTES", String.valueOf(LIMIT)));
    client = server.client();
    session = client.newSession();
  }

  @AfterAll
  static void stop() {
    assertThat(client.get("/sessions/" + session).status()).isEqualTo(200);
    server.close();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '\0', value = {
      "{}                                                    | /agentProfileRef",
      "{\"agentProfileRef\":1}                               | /agentProfileRef",
      "{\"agentProfileRef\":\"\"}                            | /agentProfileRef",
      "{\"agentProfileRef\":null}                            | /agentProfileRef",
      "{\"agentProfileRef\":\"demo\",\"agentProfilRef\":1}   | /agentProfilRef",
      "{\"agentProfileRef\":\"demo\",\"a/b~c\":1}            | /a~1b~0c",
      "{\"agentProfileRef\":\"demo\",\"name\":{}}            | /name",
      "{\"agentProfileRef\":\"demo\",\"name\":\"\\ud800\"}   | /name",
      "{\"agentProfileRef\":\"demo\",\"metadata\":[]}        | /metadata",
      "{\"agentProfileRef\":\"demo\",\"metadata\":{\"x\":[\"\\udc00\"]}}           | /metadata/x/0",
      "{\"agentProfileRef\":\"demo\",\"metadata\":{\"x\":[1e999]}}                 | /metadata/x/0",
      "{\"agentProfileRef\":\"demo\",\"sessionOptions\":\"x\"}                     | /sessionOptions",
      "{\"agentProfileRef\":\"demo\",\"defaultWorkspaceFiles\":[{\"path\":\"a\"}]} | /defaultWorkspaceFiles/0/content",
      "{\"agentProfileRef\":\"demo\",\"defaultWorkspaceFiles\":[{\"path\":\"a\",\"content\":\"\",\"encoding\":\"x\"}]} | "
          + "/defaultWorkspaceFiles/0/encoding",
      "[]                                                    | ''",
      "null                                                  | ''",
      "\"text\"                                              | ''"})
  void aBodyThatDoesNotFitIsRefusedByField(String body, String path) {
    assertInvalid(client.post("/sessions/create", body), path.equals("''") ? "" : path);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '\0', value = {
      "{\"content\":1}                                        | /content",
      "{\"content\":\"\"}                                     | /content",
      "{\"content\":[]}                                       | /content",
      "{\"content\":[1]}                                      | /content/0",
      "{\"content\":[{\"type\":\"video\"}]}                   | /content/0/type",
      "{\"content\":[{\"type\":\"text\"}]}                    | /content/0/text",
      "{\"content\":[{\"type\":\"text\",\"text\":\"x\",\"y\":1}]}     | /content/0/y",
      "{\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"url\"}}]} | /content/0/source/type",
      "{\"content\":\"x\",\"messageId\":\"not a uuid\"}       | /messageId",
      "{\"content\":\"x\",\"whenBusy\":\"never\"}             | /whenBusy"})
  void aMessageThatDoesNotFitIsRefusedByField(String body, String path) {
    assertInvalid(client.post("/sessions/" + session + "/message", body), path);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '\0', value = {
      "[]                                          | it must be of type object, not array",
      "{\"content\":\"\"}                            | /content must be at least 1 character long",
      "{\"content\":[]}                             | /content must have at least 1 item",
      "{\"content\":\"x\",\"messageId\":\"7\"}        | /messageId must be a UUID",
      "{\"content\":\"x\",\"messageId\":7}            | /messageId must be of type string, not integer",
      "{\"content\":\"x\",\"whenBusy\":\"never\"}     | /whenBusy must be one of [\"enqueue\", \"reject\", \"interrupt\"]",
      "{\"content\":\"x\",\"colour\":1}               | /colour is not a known field"})
  void aRefusalIsASentence(String body, String sentence) {
    TestClient.Answer answer = client.post("/sessions/" + session + "/message", body);
    assertThat(answer.json().path("error").asText()).isEqualTo("The request is not valid: " + sentence + ".");
  }

  @ParameterizedTest
  @CsvSource({"0,must be at least 1", "99999999999999999999,must be at most 200", "x,'must be of type integer, not string'"})
  void aRefusedNumberIsToldItsBounds(String limit, String sentence) {
    assertThat(client.get("/sessions?limit=" + limit).json().path("error").asText())
        .isEqualTo("The request is not valid: /limit " + sentence + ".");
  }

  /** Characters as people count them: one of these is two of Java's. */
  @Test
  void aNameMayHaveTwoHundredCharactersOfAnyKind() {
    String named = "{\"agentProfileRef\":\"demo\",\"name\":\"%s\"}";
    assertThat(client.post("/sessions/create", named.formatted("😀".repeat(200))).status()).isEqualTo(201);
    assertInvalid(client.post("/sessions/create", named.formatted("😀".repeat(201))), "/name");
  }

  /** They would be stored, and no sandbox could be made of them. */
  @ParameterizedTest
  @ValueSource(strings = {"a/b", "a", "a\\\\b", "a\\nb", ".git/config", "d/node_modules/x",
      "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
          + "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"})
  void filesThatNoWorkspaceCanHaveAreRefused(String path) {
    String file = "{\"content\":\"\",\"path\":\"%s\"}";
    assertInvalid(client.post("/sessions/create", ("{\"agentProfileRef\":\"demo\",\"defaultWorkspaceFiles\":[" + file + "," + file + "]}")
        .formatted(path.equals("a") ? "a/b" : "a", path)), "/defaultWorkspaceFiles/1/path");
  }

  @ParameterizedTest
  @CsvSource({"GET,''", "PATCH,''", "GET,/files", "GET,/files/x", "POST,/message", "PATCH,/options", "POST,/sync"})
  void anUnknownQueryParameterIsRefused(String method, String path) {
    assertInvalid(client.send(method, "/sessions/" + session + path + "?colour=1", BodyPublishers.noBody()), "/colour");
  }

  private static void assertInvalid(TestClient.Answer answer, String path) {
    assertThat(answer.status()).as(answer.text()).isEqualTo(400);
    assertThat(answer.code()).isEqualTo("INVALID_REQUEST");
    assertThat(answer.json().path("details").findValuesAsText("path")).as(answer.text()).contains(path);
    assertThat(answer.json().path("details")).allSatisfy(detail -> assertThat(detail.path("message").asText()).isNotBlank());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "{", "{}{}", "{'a':1}", "{\"agentProfileRef\":\"demo\"} x", "nul", "\u0000", "{\"a\":1e999999999999}"})
  void whatIsNotJsonIsSaidToBeNot(String body) {
    TestClient.Answer answer = client.post("/sessions/create", body);
    assertThat(answer.status()).as(answer.text()).isEqualTo(400);
    assertThat(answer.code()).isEqualTo("INVALID_REQUEST");
  }

  @Test
  void deepJsonAndBrokenUtf8AreRefused() {
    TestClient.Answer deep = client.post("/sessions/create", "{\"metadata\":" + "[".repeat(20_000) + "]".repeat(20_000) + "}");
    assertThat(deep.code()).isEqualTo("INVALID_REQUEST");
    byte[] latin = {'{', '"', 'a', '"', ':', '"', (byte) 0xe9, '"', '}'};
    TestClient.Answer broken = client.send("POST", "/sessions/create", BodyPublishers.ofByteArray(latin), "Content-Type", "application/json");
    assertThat(broken.code()).isEqualTo("INVALID_REQUEST");
  }

  @ParameterizedTest
  @CsvSource({"limit=0", "limit=201", "limit=x", "limit=1.5", "limit=99999999999", "limit=", "limt=1", "limit=1&limit=2", "after="})
  void aQueryThatDoesNotFitIsRefused(String query) {
    TestClient.Answer answer = client.get("/sessions?" + query);
    assertThat(answer.status()).as(answer.text()).isEqualTo(400);
    assertThat(answer.code()).isEqualTo("INVALID_REQUEST");
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "create", "00000000-0000-0000-0000-00000000000", "..%2f..%2fetc", "%00", "null",
      "00000000-0000-0000-0000-000000000000"})
  void anIdOfNoSessionIsNotFound(String id) {
    for (String path : new String[] {"", "/files", "/events"}) {
      TestClient.Answer answer = client.get("/sessions/" + id + path);
      assertThat(answer.status()).as(id + path + answer.text()).isIn(404, 405);
      assertThat(answer.code()).isIn("SESSION_NOT_FOUND", "METHOD_NOT_ALLOWED");
    }
  }

  @ParameterizedTest
  @CsvSource({"GET,/none,404,NOT_FOUND", "GET,/sessions/x/y/z,404,NOT_FOUND", "POST,/sessions,405,METHOD_NOT_ALLOWED",
      "PUT,/health,405,METHOD_NOT_ALLOWED", "GET,/sessions/create,405,METHOD_NOT_ALLOWED", "TRACE,/sessions,405,METHOD_NOT_ALLOWED",
      "BREW,/sessions,405,METHOD_NOT_ALLOWED", "POST,/ws,405,METHOD_NOT_ALLOWED"})
  void pathsAndMethodsThatAreNotThere(String method, String path, int status, String code) {
    TestClient.Answer answer = client.send(method, path, BodyPublishers.noBody());
    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.code()).isEqualTo(code);
    assertThat(answer.header("Allow") != null).isEqualTo(status == 405);
  }

  @Test
  void headAndOptionsAreAnswered() {
    TestClient.Answer head = client.send("HEAD", "/sessions/" + session, BodyPublishers.noBody());
    assertThat(head.status()).isEqualTo(200);
    assertThat(head.body()).isEmpty();
    TestClient.Answer options = client.send("OPTIONS", "/sessions/" + session, BodyPublishers.noBody());
    assertThat(options.status()).isEqualTo(204);
    assertThat(options.header("Allow")).isEqualTo("GET, PATCH, DELETE, HEAD, OPTIONS");
    assertThat(options.headers().map().keySet()).noneMatch(name -> name.toLowerCase().startsWith("access-control"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"text/plain", "application/xml", "application/json; charset=latin1", "multipart/form-data; boundary=x",
      "application/x-www-form-urlencoded"})
  void otherTypesAreNotTaken(String type) {
    TestClient.Answer answer = client.send("POST", "/sessions/create", BodyPublishers.ofString("{\"agentProfileRef\":\"demo\"}"),
        "Content-Type", type);
    assertThat(answer.status()).isEqualTo(415);
    assertThat(answer.code()).isEqualTo("UNSUPPORTED_MEDIA_TYPE");
  }

  @Test
  void aBodyWithoutATypeIsNotTaken() {
    assertThat(client.send("POST", "/sessions/create", BodyPublishers.ofString("{}")).status()).isEqualTo(415);
  }

  @Test
  void aBodyOverTheLimitIsRefusedAlsoWhenItsLengthIsNotSaid() {
    try (RawSocket raw = new RawSocket(server.port, 0)) {
      raw.send("POST /sessions/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
      String chunk = "2000\r\n" + " ".repeat(0x2000) + "\r\n";
      for (int i = 0; i < 9; i++) {
        raw.send(chunk);
      }
      assertThat(raw.head()).startsWith("HTTP/1.1 413");
    }
    try (RawSocket raw = new RawSocket(server.port, 0)) {
      raw.send("POST /sessions/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n");
      assertThat(raw.head()).startsWith("HTTP/1.1 413");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"NONSENSE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /sessions?limit=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n"})
  void whatIsNotHttpIsAnsweredOrCutButDoesNoHarm(String request) {
    try (RawSocket raw = new RawSocket(server.port, 0)) {
      String head = raw.send(request).head();
      assertThat(head.isEmpty() || head.matches("(?s)HTTP/\\d.\\d (400|404|501|505) .*")).as(head).isTrue();
    }
    try (RawSocket raw = new RawSocket(server.port, 0)) {
      raw.send("GET /" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
      assertThat(raw.head()).matches("(?s)HTTP/1.[01] 400 .*");
      assertThat(raw.rest()).contains("INVALID_REQUEST");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Host: localhost\r\n more: x\r\n", "Host: localhost\r\nHost: localhost\r\n"})
  void aRequestHasOneHost(String hosts) {
    try (RawSocket raw = new RawSocket(server.port, 0)) {
      raw.send("GET /sessions HTTP/1.1\r\nConnection: close\r\n" + hosts + "\r\n");
      assertThat(raw.head()).startsWith("HTTP/1.1 400 ");
      assertThat(raw.rest()).contains("INVALID_REQUEST");
    }
  }

  @ParameterizedTest
  @CsvSource({"..%2Fx", "a%2F..%2Fx", "%2Fetc%2Fpasswd", "a%00b", "a%5Cb", "a%2F%2Fb", ".%2Fa", "a%0Ab", "%FF", "a%2F"})
  void pathsThatLeaveTheWorkspaceOrMakeNoSense(String path) {
    for (String method : new String[] {"GET", "PUT", "DELETE"}) {
      TestClient.Answer answer = client.send(method, "/sessions/" + session + "/files/" + path, BodyPublishers.noBody());
      assertThat(answer.status()).as(method + answer.text()).isEqualTo(400);
      assertThat(answer.code()).isEqualTo("INVALID_REQUEST");
    }
  }

  @ParameterizedTest
  @CsvSource({"evil.example,,403", "evil.example:3001,,403", "127.0.0.1.evil.example,,403", "localhost,https://evil.example,403",
      "localhost,null,403", "localhost,http://localhost:5173,200", "127.0.0.1:3001,,200", "[::1]:3001,,200", "LOCALHOST,,200"})
  void withoutAKeyOnlyThisMachinesOwnPagesAreAnswered(String host, String origin, int status) {
    try (RawSocket raw = new RawSocket(server.port, 0)) {
      raw.send("GET /sessions HTTP/1.1\r\nHost: " + host + "\r\n" + (origin == null ? "" : "Origin: " + origin + "\r\n") + "\r\n");
      assertThat(raw.head()).startsWith("HTTP/1.1 " + status);
    }
  }

  @Test
  void errorsTellNothingOfTheServer() {
    for (TestClient.Answer answer : new TestClient.Answer[] {client.get("/none"), client.post("/sessions/create", "{"),
        client.get("/sessions/" + session + "/files/none"), client.get("/sessions?after=garbage")}) {
      JsonNode body = answer.json();
      assertThat(body.path("error").asText()).isNotBlank().doesNotContain("Exception", directory.toString(), "dev.agentruntime");
      assertThat(body.properties().stream().map(Map.Entry::getKey)).isSubsetOf("error", "code", "details");
    }
  }
}
