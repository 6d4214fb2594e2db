package dev.agentruntime.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.config.InvalidSettingsException.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.RecordComponent;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsLoaderTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** For each setting: its variable, a value as text, the same as JSON ({@code null} for a secret), and as the record holds it. */
  private record Row(String path, String variable, String text, String json, Object held) {
    @Override
    public String toString() {
      return path;
    }
  }

  static Stream<Row> everySetting() {
    return Stream.of(
        string("host", "AGENT_RUNTIME_HOST", "127.0.0.9"),
        number("port", "AGENT_RUNTIME_PORT", 4001),
        new Row("dataDir", "AGENT_RUNTIME_DATA_DIR", "elsewhere", "\"elsewhere\"", Path.of("elsewhere")),
        new Row("profilesDir", "AGENT_RUNTIME_PROFILES_DIR", "mine", "\"mine\"", Path.of("mine")),
        new Row("profileVariables", "AGENT_RUNTIME_PROFILE_VARIABLES", "A_TOKEN,B", "[\"A_TOKEN\",\"B\"]", List.of("A_TOKEN", "B")),
        new Row("apiKeys", "AGENT_RUNTIME_API_KEYS", "k-one, k-two", null, List.of(new Secret("k-one"), new Secret("k-two"))),
        new Row("allowedOrigins", "AGENT_RUNTIME_ALLOWED_ORIGINS", "https://app.example,http://localhost:5173",
            "[\"https://app.example\",\"http://localhost:5173\"]", List.of("https://app.example", "http://localhost:5173")),
        new Row("storeUrl", "AGENT_RUNTIME_STORE_URL", "memory:", "\"memory:\"", new StoreUrl.Memory()),
        new Row("storePassword", "AGENT_RUNTIME_STORE_PASSWORD", "hush", null, new Secret("hush")),
        number("storeConnections", "AGENT_RUNTIME_STORE_CONNECTIONS", 21),
        number("storeTimeoutMs", "AGENT_RUNTIME_STORE_TIMEOUT_MS", 2_200L),
        number("idleTimeoutMs", "AGENT_RUNTIME_IDLE_TIMEOUT_MS", 5L),
        number("syncIntervalMs", "AGENT_RUNTIME_SYNC_INTERVAL_MS", 6L),
        number("shutdownGraceMs", "AGENT_RUNTIME_SHUTDOWN_GRACE_MS", 7L),
        number("limits.requestBytes", "AGENT_RUNTIME_LIMITS_REQUEST_BYTES", 2048),
        number("limits.requestHeadMs", "AGENT_RUNTIME_LIMITS_REQUEST_HEAD_MS", 8L),
        number("limits.requestBodyMs", "AGENT_RUNTIME_LIMITS_REQUEST_BODY_MS", 10L),
        number("limits.queuedMessages", "AGENT_RUNTIME_LIMITS_QUEUED_MESSAGES", 3),
        number("limits.eventLogBytes", "AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", 4096),
        number("limits.sessionBytes", "AGENT_RUNTIME_LIMITS_SESSION_BYTES", 4097),
        number("limits.agentLineBytes", "AGENT_RUNTIME_LIMITS_AGENT_LINE_BYTES", 5000),
        number("limits.loadedSessions", "AGENT_RUNTIME_LIMITS_LOADED_SESSIONS", 9),
        number("limits.unsavedBytes", "AGENT_RUNTIME_LIMITS_UNSAVED_BYTES", 5001),
        number("limits.unsavedTotalBytes", "AGENT_RUNTIME_LIMITS_UNSAVED_TOTAL_BYTES", 5002L),
        number("sockets.authTimeoutMs", "AGENT_RUNTIME_SOCKETS_AUTH_TIMEOUT_MS", 11L),
        number("sockets.pingIntervalMs", "AGENT_RUNTIME_SOCKETS_PING_INTERVAL_MS", 12L),
        number("sockets.sendBufferBytes", "AGENT_RUNTIME_SOCKETS_SEND_BUFFER_BYTES", 8192),
        number("sockets.maxConnections", "AGENT_RUNTIME_SOCKETS_MAX_CONNECTIONS", 13),
        new Row("sockets.compression", "AGENT_RUNTIME_SOCKETS_COMPRESSION", "true", "true", true),
        number("workspace.inlineFileBytes", "AGENT_RUNTIME_WORKSPACE_INLINE_FILE_BYTES", 14),
        number("workspace.inlineTotalBytes", "AGENT_RUNTIME_WORKSPACE_INLINE_TOTAL_BYTES", 15),
        number("workspace.maxFileBytes", "AGENT_RUNTIME_WORKSPACE_MAX_FILE_BYTES", 16L),
        number("workspace.maxTotalBytes", "AGENT_RUNTIME_WORKSPACE_MAX_TOTAL_BYTES", 5_000_000_000L),
        new Row("workspace.ignore", "AGENT_RUNTIME_WORKSPACE_IGNORE", ".git,target", "[\".git\",\"target\"]", List.of(".git", "target")),
        string("sandbox.provider", "AGENT_RUNTIME_SANDBOX_PROVIDER", "local"),
        number("sandbox.startTimeoutMs", "AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", 17L),
        number("sandbox.reattachTimeoutMs", "AGENT_RUNTIME_SANDBOX_REATTACH_TIMEOUT_MS", 18L),
        number("sandbox.interruptTimeoutMs", "AGENT_RUNTIME_SANDBOX_INTERRUPT_TIMEOUT_MS", 19L),
        number("sandbox.sweepIntervalMs", "AGENT_RUNTIME_SANDBOX_SWEEP_INTERVAL_MS", 50L),
        string("claude.command", "AGENT_RUNTIME_CLAUDE_COMMAND", "/opt/claude"),
        string("claude.version", "AGENT_RUNTIME_CLAUDE_VERSION", "9.8.7"),
        number("claude.maxRetries", "AGENT_RUNTIME_CLAUDE_MAX_RETRIES", 20),
        new Row("anthropic.apiKey", "ANTHROPIC_API_KEY", "sk-test", null, new Secret("sk-test")),
        string("anthropic.baseUrl", "ANTHROPIC_BASE_URL", "http://localhost:1"),
        new Row("convex.deployKey", "CONVEX_DEPLOY_KEY", "prod:x|y", null, new Secret("prod:x|y")),
        new Row("modal.tokenId", "MODAL_TOKEN_ID", "ak-1", null, new Secret("ak-1")),
        new Row("modal.tokenSecret", "MODAL_TOKEN_SECRET", "as-1", null, new Secret("as-1")),
        string("modal.serverUrl", "MODAL_SERVER_URL", "http://127.0.0.1:9"),
        string("modal.environment", "MODAL_ENVIRONMENT", "dev"),
        string("modal.imageBuilderVersion", "MODAL_IMAGE_BUILDER_VERSION", "2025.06"),
        string("modal.appName", "MODAL_APP_NAME", "mine"),
        string("modal.runtimeId", "MODAL_RUNTIME_ID", "r-1"),
        string("modal.baseImage", "MODAL_BASE_IMAGE", "registry.example/a/b:1"),
        number("modal.milliCpu", "MODAL_MILLI_CPU", 500),
        number("modal.memoryMib", "MODAL_MEMORY_MIB", 512),
        new Row("modal.regions", "MODAL_REGIONS", "us-east,eu", "[\"us-east\",\"eu\"]", List.of("us-east", "eu")),
        string("modal.network", "MODAL_NETWORK", "blocked"),
        new Row("modal.allowedDomains", "MODAL_ALLOWED_DOMAINS", "a.example", "[\"a.example\"]", List.of("a.example")),
        new Row("modal.allowedCidrs", "MODAL_ALLOWED_CIDRS", "10.0.0.0/8", "[\"10.0.0.0/8\"]", List.of("10.0.0.0/8")),
        number("modal.lifetimeMs", "MODAL_LIFETIME_MS", 7_200_000L),
        number("modal.renewBeforeMs", "MODAL_RENEW_BEFORE_MS", 21L),
        number("modal.idleTimeoutMs", "MODAL_IDLE_TIMEOUT_MS", 22_000L),
        number("modal.leaseMs", "MODAL_LEASE_MS", 23_000L),
        string("log.format", "AGENT_RUNTIME_LOG_FORMAT", "json"),
        string("log.level", "AGENT_RUNTIME_LOG_LEVEL", "debug"));
  }

  private static Row string(String path, String variable, String value) {
    return new Row(path, variable, value, '"' + value + '"', value);
  }

  private static Row number(String path, String variable, Number value) {
    return new Row(path, variable, value.toString(), value.toString(), value);
  }

  @Test
  void everySettingIsInTheTable() {
    assertThat(everySetting().map(Row::path))
        .containsExactlyInAnyOrderElementsOf(SettingsKey.all().stream().map(SettingsKey::path).toList());
  }

  @Test
  void everySettingIsInTheFileAndNothingElse() throws IOException {
    Set<String> inFile = new TreeSet<>();
    collect("", SettingsLoader.defaults(), inFile);
    assertThat(inFile).containsExactlyInAnyOrderElementsOf(
        SettingsKey.all().stream().filter(key -> !key.secret()).map(SettingsKey::path).toList());

    String text = resource();
    for (SettingsKey secret : SettingsKey.all().stream().filter(SettingsKey::secret).toList()) {
      String name = secret.path().substring(secret.path().lastIndexOf('.') + 1);
      assertThat(text).contains("// \"" + name + "\": from " + secret.variable());
    }
  }

  @Test
  void everySettingIsExplained() throws IOException {
    List<String> lines = resource().lines().map(String::strip).toList();
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).matches("\"\\w+\": [^{].*")) {
        assertThat(lines.get(i - 1)).as("the line above %s", lines.get(i)).startsWith("// ");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("everySetting")
  void isTakenFromTheEnvironment(Row row) {
    Settings settings = SettingsLoader.load(Map.of(row.variable(), row.text()));
    assertThat(value(settings, row.path())).isEqualTo(row.held());
    assertOthersAreDefault(settings, row.path());
  }

  @ParameterizedTest
  @MethodSource("everySetting")
  void isTakenFromAFile(Row row, @TempDir Path dir) throws IOException {
    Path file = fileWith(dir, row.path(), row.json() == null ? "\"x\"" : row.json());
    Map<String, String> environment = Map.of("AGENT_RUNTIME_CONFIG", file.toString());
    if (row.json() == null) {
      assertThat(problems(environment)).singleElement().satisfies(problem -> {
        assertThat(problem.place()).isEqualTo(file + ", " + row.path());
        assertThat(problem.message()).contains("environment only", row.variable());
      });
      return;
    }
    Settings settings = SettingsLoader.load(environment);
    assertThat(value(settings, row.path())).isEqualTo(row.held());
    assertOthersAreDefault(settings, row.path());
  }

  @Test
  void theEnvironmentGoesOverTheFile(@TempDir Path dir) throws IOException {
    Path file = fileWith(dir, "limits.requestBytes", "2048");
    Settings settings = SettingsLoader.load(Map.of(
        "AGENT_RUNTIME_CONFIG", file.toString(), "AGENT_RUNTIME_LIMITS_REQUEST_BYTES", "4096"));
    assertThat(settings.limits().requestBytes()).isEqualTo(4096);
  }

  @Test
  void anEmptyVariableCountsAsNotSet() {
    Settings settings = SettingsLoader.load(Map.of("AGENT_RUNTIME_PORT", "", "ANTHROPIC_API_KEY", "", "AGENT_RUNTIME_CONFIG", ""));
    assertThat(settings).isEqualTo(SettingsLoader.load(Map.of()));
    assertThat(settings.anthropic().apiKey()).isNull();
    assertThat(settings.anthropic().baseUrl()).isNull();
    assertThat(settings.profilesDir()).isNull();
  }

  @Test
  void everyMistakeIsReportedAtOnce(@TempDir Path dir) throws IOException {
    Path file = Files.writeString(dir.resolve("my.json"), """
        { // comments are fine
          "prot": 1,
          "limits": {"requestByte": 1, "queuedMessages": "many", "loadedSessions": 0},
          "sandbox": 3,
          "dataDir": "",
        }""");
    assertThat(problems(Map.of(
        "AGENT_RUNTIME_CONFIG", file.toString(),
        "AGENT_RUNTIME_PORT", "99999",
        "AGENT_RUNTIME_IDLE_TIMEOUT", "1",
        "AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", "12",
        "AGENT_RUNTIME_ANTHROPIC_BASE_URL", "http://x",
        "AGENT_RUNTIME_SOCKETS_COMPRESSION", "yes",
        "AGENT_RUNTIME_LOG_FORMAT", "jsn"))).containsExactlyInAnyOrder(
        new Problem(file + ", prot", "is not a setting; did you mean port?"),
        new Problem(file + ", limits.requestByte", "is not a setting; did you mean limits.requestBytes?"),
        new Problem(file + ", limits.queuedMessages", "must be a whole number up to 2147483647, is \"many\""),
        new Problem(file + ", limits.loadedSessions", "must be from 1 to 10000000, is 0"),
        new Problem(file + ", sandbox", "must be an object"),
        new Problem(file + ", dataDir", "must name a directory"),
        new Problem("AGENT_RUNTIME_PORT", "must be from 0 to 65535, is 99999"),
        new Problem("AGENT_RUNTIME_IDLE_TIMEOUT", "is not the variable of a setting; did you mean AGENT_RUNTIME_IDLE_TIMEOUT_MS?"),
        new Problem("AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", "must be from 1024 to 1073741824, is 12"),
        new Problem("AGENT_RUNTIME_ANTHROPIC_BASE_URL", "is not the variable of a setting; did you mean ANTHROPIC_BASE_URL?"),
        new Problem("AGENT_RUNTIME_SOCKETS_COMPRESSION", "must be true or false, is yes"),
        new Problem("AGENT_RUNTIME_LOG_FORMAT", "must be text or json, is \"jsn\"; did you mean json?"));
  }

  @Test
  void aFileThatIsNoJsonIsRefusedWithItsLine(@TempDir Path dir) throws IOException {
    Path file = Files.writeString(dir.resolve("my.json"), "{\n\"port\": 1,\n\"port\": 2\n}");
    assertThat(problems(Map.of("AGENT_RUNTIME_CONFIG", file.toString()))).singleElement()
        .satisfies(problem -> assertThat(problem.place()).isEqualTo(file + ", line 3"));
    Files.writeString(file, "{} {}");
    assertThat(problems(Map.of("AGENT_RUNTIME_CONFIG", file.toString()))).singleElement()
        .satisfies(problem -> assertThat(problem.place()).isEqualTo(file + ", line 1"));
    Files.writeString(file, "{");
    assertThat(problems(Map.of("AGENT_RUNTIME_CONFIG", file.toString())))
        .containsExactly(new Problem(file + ", line 1", "is not JSON: Unexpected end-of-input: expected close marker for Object"));
    Files.writeString(file, "[]");
    assertThat(problems(Map.of("AGENT_RUNTIME_CONFIG", file.toString())))
        .containsExactly(new Problem(file.toString(), "must hold one JSON object"));
    Path none = dir.resolve("none.json");
    assertThat(problems(Map.of("AGENT_RUNTIME_CONFIG", none.toString())))
        .containsExactly(new Problem("AGENT_RUNTIME_CONFIG", "there is no file " + none));
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe});
    assertThat(problems(Map.of("AGENT_RUNTIME_CONFIG", file.toString())))
        .containsExactly(new Problem(file.toString(), "is not text in UTF-8"));
  }

  @Test
  void aStoreThatIsRefusedIsNotShown() {
    assertThat(problems(Map.of("AGENT_RUNTIME_STORE_URL", "postgresql://hush:hush@hush:hush/hush"))).singleElement().satisfies(problem -> {
      assertThat(problem.place()).isEqualTo("AGENT_RUNTIME_STORE_URL");
      assertThat(problem.message()).startsWith("must look like").doesNotContain("hush");
    });
  }

  @Test
  void thePasswordOfAStoreIsTakenFromTheEnvironmentOnly(@TempDir Path dir) throws IOException {
    Path open = fileWith(dir, "storeUrl", "\"mysql://u:hush@h/d\"");
    assertThat(problems(Map.of("AGENT_RUNTIME_CONFIG", open.toString()))).singleElement().satisfies(problem -> {
      assertThat(problem.place()).isEqualTo(open + ", storeUrl");
      assertThat(problem.message()).contains("environment only", "AGENT_RUNTIME_STORE_URL", "AGENT_RUNTIME_STORE_PASSWORD")
          .doesNotContain("hush");
    });

    Path closed = fileWith(dir, "storeUrl", "\"mysql://u@h/d\"");
    Settings settings = SettingsLoader.load(Map.of("AGENT_RUNTIME_CONFIG", closed.toString(), "AGENT_RUNTIME_STORE_PASSWORD", "hush"));
    assertThat(((StoreUrl.Database) settings.storeUrl()).password()).isEqualTo(new Secret("hush"));
    assertThat(settings.toString()).doesNotContain("hush");
    assertThat(problems(Map.of("AGENT_RUNTIME_STORE_URL", "mysql://u:p@h/d", "AGENT_RUNTIME_STORE_PASSWORD", "hush"))).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"convex+https://happy-animal-123.convex.cloud", "convex+https://convex.example.org:8443/",
      "convex+http://127.0.0.1:3210", "convex+http://localhost:3210", "convex+http://[::1]:3210"})
  void aConvexStoreNeedsItsKey(String url) {
    assertThat(problems(Map.of("AGENT_RUNTIME_STORE_URL", url))).singleElement().satisfies(problem -> {
      assertThat(problem.place()).isEqualTo("convex.deployKey");
      assertThat(problem.message()).contains("CONVEX_DEPLOY_KEY");
    });
    Settings settings = SettingsLoader.load(Map.of("AGENT_RUNTIME_STORE_URL", url, "CONVEX_DEPLOY_KEY", "prod:hush|hush"));
    assertThat(settings.storeUrl()).isEqualTo(new StoreUrl.Convex(URI.create(url.substring("convex+".length()))));
    assertThat(settings.toString()).doesNotContain("hush");
  }

  @Test
  void sandboxesAreModalsWhenThereIsATokenForThem() {
    Map<String, String> token = Map.of("MODAL_TOKEN_ID", "ak-1", "MODAL_TOKEN_SECRET", "as-1");
    assertThat(SettingsLoader.load(Map.of()).sandboxesOnModal()).isFalse();
    assertThat(SettingsLoader.load(Map.of("MODAL_TOKEN_ID", "ak-1")).sandboxesOnModal()).isFalse();
    assertThat(SettingsLoader.load(Map.of("MODAL_TOKEN_ID", "ak-1")).modal().hasHalfAToken()).isTrue();
    assertThat(SettingsLoader.load(token).modal().hasHalfAToken()).isFalse();
    assertThat(SettingsLoader.load(token).sandboxesOnModal()).isTrue();
    Map<String, String> local = new HashMap<>(token);
    local.put("AGENT_RUNTIME_SANDBOX_PROVIDER", "local");
    assertThat(SettingsLoader.load(local).sandboxesOnModal()).isFalse();
    local.put("AGENT_RUNTIME_SANDBOX_PROVIDER", "modal");
    assertThat(SettingsLoader.load(local).sandboxesOnModal()).isTrue();
  }

  @Test
  void modalNeedsItsTokenAndWhatItIsToReach() {
    assertThat(problems(Map.of("AGENT_RUNTIME_SANDBOX_PROVIDER", "modal"))).singleElement()
        .satisfies(problem -> assertThat(problem.message()).contains("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"));
    assertThat(problems(Map.of("AGENT_RUNTIME_SANDBOX_PROVIDER", "modl"))).containsExactly(new Problem(
        "AGENT_RUNTIME_SANDBOX_PROVIDER", "must be local or modal, or empty, is \"modl\"; did you mean modal?"));
    assertThat(problems(Map.of("MODAL_NETWORK", "allowlist"))).singleElement()
        .satisfies(problem -> assertThat(problem.message()).contains("modal.allowedDomains"));
    assertThat(problems(Map.of("MODAL_SERVER_URL", "http://api.modal.com"))).hasSize(1);
    assertThat(problems(Map.of("MODAL_RENEW_BEFORE_MS", "2000", "MODAL_LIFETIME_MS", "2000"))).hasSize(1);
  }

  @Test
  void aSecretIsNowhereShown() {
    Settings settings = SettingsLoader.load(Map.of("AGENT_RUNTIME_API_KEYS", "hush-1,hush-2", "ANTHROPIC_API_KEY", "hush-3",
        "MODAL_TOKEN_ID", "hush-4", "MODAL_TOKEN_SECRET", "hush-5"));
    assertThat(settings.toString()).doesNotContain("hush");
    assertThatThrownBy(() -> SettingsLoader.load(Map.of("AGENT_RUNTIME_API_KEYS", "hush hush", "ANTHROPIC_API_KEY", "hüsh")))
        .hasMessageContaining("AGENT_RUNTIME_API_KEYS").hasMessageContaining("ANTHROPIC_API_KEY")
        .message().doesNotContain("hush").doesNotContain("hüsh");
  }

  @Test
  void aRecordRefusesWhatMakesNoSenseByItself() {
    assertThatThrownBy(() -> new Settings.Limits(0, 1, 1, -1, 2048, 2048, 2048, 1, 1024, 1024))
        .isInstanceOf(InvalidSettingsException.class).hasMessageContaining("requestBytes").hasMessageContaining("queuedMessages");
  }

  private static List<Problem> problems(Map<String, String> environment) {
    return catchThrowableOfType(InvalidSettingsException.class, () -> SettingsLoader.load(environment)).problems();
  }

  private static void assertOthersAreDefault(Settings settings, String changed) {
    Settings defaults = SettingsLoader.load(Map.of());
    for (SettingsKey key : SettingsKey.all()) {
      if (!key.path().equals(changed)) {
        assertThat(value(settings, key.path())).as(key.path()).isEqualTo(value(defaults, key.path()));
      }
    }
  }

  private static Object value(Object settings, String path) {
    Object value = settings;
    for (String name : path.split("\\.")) {
      value = component(value, name);
    }
    return value;
  }

  private static Object component(Object value, String name) {
    for (RecordComponent component : value.getClass().getRecordComponents()) {
      if (component.getName().equals(name)) {
        try {
          return component.getAccessor().invoke(value);
        } catch (ReflectiveOperationException e) {
          throw new AssertionError(e);
        }
      }
    }
    throw new AssertionError("no component " + name);
  }

  private static Path fileWith(Path dir, String path, String json) throws IOException {
    ObjectNode root = JSON.createObjectNode();
    ObjectNode object = root;
    String[] names = path.split("\\.");
    for (int i = 0; i < names.length - 1; i++) {
      object = object.putObject(names[i]);
    }
    object.set(names[names.length - 1], JSON.readTree(json));
    return Files.writeString(dir.resolve("settings.json"), root.toString());
  }

  private static void collect(String prefix, JsonNode object, Set<String> paths) {
    for (Map.Entry<String, JsonNode> field : object.properties()) {
      if (field.getValue().isObject()) {
        collect(prefix + field.getKey() + ".", field.getValue(), paths);
      } else {
        paths.add(prefix + field.getKey());
      }
    }
  }

  private static String resource() throws IOException {
    try (InputStream in = SettingsLoader.class.getResourceAsStream(SettingsLoader.DEFAULTS)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
