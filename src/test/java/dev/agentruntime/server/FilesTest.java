package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.RawSocket;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Workspace files over REST, as raw bytes. */
class FilesTest {

  private static final byte[] CONTENT = new byte[3_000_000];

  @TempDir
  static Path directory;

  static TestServer server;
  static TestClient client;
  static String files;

  @BeforeAll
  static void start() {
    new Random(1).nextBytes(CONTENT);
    server = TestServer.start(directory, Map.of());
    client = server.client();
    files = "/sessions/" + client.newSession() + "/files";
    assertThat(client.put(files + "/big.bin", CONTENT).status()).isEqualTo(201);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void bytesComeBackAsTheyWere() {
    TestClient.Answer answer = client.get(files + "/big.bin");
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Length")).isEqualTo(String.valueOf(CONTENT.length));
    assertThat(answer.body()).isEqualTo(CONTENT);
    assertThat(client.get(files).json().path("files").findValuesAsText("path")).contains("big.bin");
  }

  @ParameterizedTest
  @CsvSource({"bytes=0-0,0,1", "bytes=10-19,10,10", "bytes=2999990-,2999990,10", "bytes=-5,2999995,5", "bytes=100000-900000,100000,800001",
      "bytes=2999999-99999999,2999999,1", "bytes=-99999999,0,3000000"})
  void oneRangeIsAnswered(String range, int start, int length) {
    TestClient.Answer answer = client.get(files + "/big.bin", "Range", range);
    assertThat(answer.status()).isEqualTo(206);
    assertThat(answer.header("Content-Range")).isEqualTo("bytes " + start + "-" + (start + length - 1) + "/" + CONTENT.length);
    assertThat(answer.body()).isEqualTo(Arrays.copyOfRange(CONTENT, start, start + length));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"bytes=3000000-|416", "bytes=-0|416", "bytes=0-1,5-6|200", "bytes=5-1|200", "lines=1-2|200", "bytes=|200",
      "bytes=x-y|200"})
  void otherRangesAreRefusedOrIgnored(String range, int status) {
    TestClient.Answer answer = client.get(files + "/big.bin", "Range", range);
    assertThat(answer.status()).isEqualTo(status);
    if (status == 416) {
      assertThat(answer.header("Content-Range")).isEqualTo("bytes */" + CONTENT.length);
      assertThat(answer.code()).isEqualTo("INVALID_REQUEST");
    }
  }

  @Test
  void aClientThatHasTheFileIsToldSo() {
    String etag = client.get(files + "/big.bin", "Range", "bytes=0-0").header("ETag");
    assertThat(client.get(files + "/big.bin", "If-None-Match", etag).status()).isEqualTo(304);
    assertThat(client.get(files + "/big.bin", "If-None-Match", "\"other\"").status()).isEqualTo(200);
    assertThat(client.get(files + "/big.bin", "Range", "bytes=0-0", "If-Range", etag).status()).isEqualTo(206);
    assertThat(client.get(files + "/big.bin", "Range", "bytes=0-0", "If-Range", "\"other\"").status()).isEqualTo(200);
  }

  @ParameterizedTest
  @CsvSource({"a.html,attachment", "a.svg,attachment", "a.xml,attachment", "a.js,attachment", "a.unknown,attachment", "a.png,inline",
      "a.txt,inline"})
  void nothingInAFileMayRun(String name, String disposition) {
    byte[] content = "<script>alert(1)</script>".getBytes(StandardCharsets.UTF_8);
    client.put(files + "/" + name, content);
    TestClient.Answer answer = client.get(files + "/" + name);
    assertThat(answer.body()).isEqualTo(content);
    assertThat(answer.header("Content-Disposition")).startsWith(disposition);
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.header("Content-Security-Policy")).contains("sandbox").contains("default-src 'none'");
  }

  @Test
  void namesMayHaveAnyCharacters() {
    for (String name : new String[] {"a%20b.txt", "%C3%A9t%C3%A9.txt", "50%25.txt", "a%3Fb%23c", "deep/er/still.txt", "files/files/x", "+.txt"}) {
      assertThat(client.put(files + "/" + name, new byte[] {7}).status()).as(name).isEqualTo(201);
      assertThat(client.get(files + "/" + name).body()).as(name).isEqualTo(new byte[] {7});
      assertThat(client.delete(files + "/" + name).status()).as(name).isEqualTo(200);
      assertThat(client.get(files + "/" + name).code()).as(name).isEqualTo("FILE_NOT_FOUND");
    }
    assertThat(client.put(files + "/empty", new byte[0]).status()).isEqualTo(201);
    assertThat(client.get(files + "/empty").body()).isEmpty();
  }

  /** As curl does. */
  @Test
  void aNameMayComeInUtf8AsItIs() {
    try (RawSocket raw = new RawSocket(server.port, 0)) {
      raw.send("PUT " + files + "/grüße.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
      assertThat(raw.head()).startsWith("HTTP/1.1 201");
    }
    assertThat(client.get(files + "/gr%C3%BC%C3%9Fe.txt").text()).isEqualTo("x");
  }

  @Test
  void withoutASandboxAFileIsRefusedThatNoneCouldHave() {
    client.put(files + "/folder/file", new byte[1]);
    for (String path : new String[] {"folder", "folder/file/x", "n".repeat(256), "d/".repeat(1_600) + "x"}) {
      assertThat(client.put(files + "/" + path, new byte[1]).code()).as(path).isEqualTo("FORBIDDEN");
      assertThat(client.get(files + "/" + path).code()).as(path).isEqualTo("FILE_NOT_FOUND");
    }
    assertThat(client.put(files + "/" + "n".repeat(255), new byte[1]).status()).isEqualTo(201);
  }

  @Test
  void aDownloadThatIsNotReadWaitsAndIsWholeInTheEnd() {
    try (RawSocket slow = new RawSocket(server.port, 16_384)) {
      slow.send("GET " + files + "/big.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      assertThat(slow.head()).startsWith("HTTP/1.1 200");
      assertThat(client.get(files + "/big.bin").body()).isEqualTo(CONTENT);
      assertThat(slow.restBytes()).isEqualTo(CONTENT);
    }
  }
}
