package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.agent.LaunchPlan;
import dev.agentruntime.agent.LaunchRequest;
import dev.agentruntime.config.Settings;
import dev.agentruntime.config.SettingsLoader;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.CreateSession.InitialFile;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.WorkspaceFile.Encoding;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.buffer.Buffer;
import dev.agentruntime.sandbox.SandboxNeeds;
import dev.agentruntime.sandbox.SuppliedFiles.SuppliedFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClaudeLaunchTest {

  private static final String SESSION = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

  private static final BuiltInAgent DEMO = new BuiltInAgent(List.of("java", "Demo"), List.of("a-jre"),
      folder -> List.of("java", "-cp", folder + "/demo.jar", "Demo"), () -> Map.of("demo.jar", Buffer.buffer("classes")));

  @TempDir
  private Path folder;
  private boolean equipped;
  private String supplied;
  private Map<String, Object> profile;
  private Map<String, String> environment;
  private ObjectNode options;

  @BeforeEach
  void aServerWithAKeyAndTheCli() throws IOException {
    Path claude = Files.writeString(folder.resolve("claude"), "#!/bin/sh\n");
    assertThat(claude.toFile().setExecutable(true)).isTrue();
    environment = new HashMap<>(Map.of("ANTHROPIC_API_KEY", "sk-server", "AGENT_RUNTIME_CLAUDE_COMMAND", claude.toString(),
        "AGENT_RUNTIME_DATA_DIR", folder.resolve("data").toString()));
    profile = new HashMap<>(Map.of("id", "p", "name", "P", "architecture", ClaudeArchitecture.TYPE));
    options = Json.object();
  }

  private ClaudeArchitecture architecture() {
    Settings settings = SettingsLoader.load(environment);
    return new ClaudeArchitecture(settings, new ClaudeExecutable(settings, null), Map.of("demo", DEMO));
  }

  private AgentProfile profile() {
    return Json.to(Json.toTree(profile), AgentProfile.class);
  }

  private LaunchPlan plan(boolean resume) throws Exception {
    LaunchRequest request = new LaunchRequest(SESSION, profile(), options, "/work", "/sandbox", resume, equipped, supplied);
    try {
      return architecture().plan(request, line -> { }).toCompletionStage().toCompletableFuture().get(20, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw (Exception) e.getCause();
    }
  }

  private List<String> command() throws Exception {
    return plan(false).process().command();
  }

  private Map<String, String> planned() throws Exception {
    return plan(false).process().environment();
  }

  private Map<String, String> files() throws Exception {
    Map<String, String> files = new HashMap<>();
    for (FileContent file : plan(false).files()) {
      assertThat(file.path().root()).isEqualTo(SandboxPath.Root.HOME);
      assertThat(files.put(file.path().relative(), file.content().toString())).isNull();
    }
    return files;
  }

  private FileContent file(String path) throws Exception {
    return plan(false).files().stream().filter(file -> file.path().relative().equals(path)).findFirst().orElseThrow();
  }

  private void failsWith(String... words) {
    assertThatThrownBy(() -> plan(false)).isInstanceOfSatisfying(ApiException.class, failure -> {
      assertThat(failure.code()).isEqualTo(ErrorCode.SANDBOX_FAILED);
      assertThat(failure.getMessage()).contains(words).doesNotContain(folder.toString());
    });
  }

  private JsonNode message(String text) {
    return json(architecture().message(profile(), SESSION, MessageContent.of(text)).toString());
  }

  private static JsonNode json(String text) {
    try {
      return Json.tree(text);
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void isTheHeadlessCommandOfOnePersistentProcess() throws Exception {
    assertThat(command()).containsExactly(folder.resolve("claude").toString(), "-p", "--input-format", "stream-json", "--output-format",
        "stream-json", "--verbose", "--include-partial-messages", "--replay-user-messages", "--forward-subagent-text",
        "--strict-mcp-config", "--dangerously-skip-permissions", "--session-id", SESSION);
    assertThat(plan(true).process().command()).endsWith("--resume", SESSION).doesNotContain("--session-id");
    assertThat(planned()).containsEntry("IS_SANDBOX", "1").containsEntry("CLAUDE_CONFIG_DIR", "/sandbox/.claude")
        .containsEntry("ANTHROPIC_API_KEY", "sk-server").containsEntry("CLAUDE_CODE_MAX_RETRIES", "2")
        .containsEntry("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").containsEntry("DISABLE_AUTOUPDATER", "1")
        .containsEntry("DISABLE_TELEMETRY", "1").containsEntry("DISABLE_ERROR_REPORTING", "1")
        .containsEntry("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "1").doesNotContainKey("ANTHROPIC_BASE_URL");
    assertThat(plan(false).process().toString()).doesNotContain("sk-server");
  }

  @Test
  void optionsGoOntoTheCommandLineAndRulesIntoAFile() throws Exception {
    options.put("model", "opus").put("maxTurns", 4).putArray("disallowedTools").add("Bash(rm *)");
    options.putArray("allowedTools").add("Read");
    assertThat(command()).containsSubsequence("--model", "opus", "--max-turns", "4");
    assertThat(json(files().get(".claude/settings.json")))
        .isEqualTo(json("{\"permissions\":{\"allow\":[\"Read\"],\"deny\":[\"Bash(rm *)\"]}}"));
  }

  @Test
  void optionsThatAreNotValidAreRefusedHereToo() {
    options.put("model", "--dangerous");
    assertThatThrownBy(() -> plan(false)).isInstanceOfSatisfying(ApiException.class,
        failure -> assertThat(failure.code()).isEqualTo(ErrorCode.INVALID_REQUEST));
  }

  @Test
  void promptsAndInstructionsAreFiles() throws Exception {
    profile.put("systemPrompt", "You are \"X\".");
    profile.put("agentMDFile", "Be brief.");
    assertThat(files()).containsEntry(".agent-runtime/system-prompt.md", "You are \"X\".").containsEntry(".claude/CLAUDE.md", "Be brief.");
    assertThat(command()).containsSubsequence("--system-prompt-file", "/sandbox/.agent-runtime/system-prompt.md",
        "--system-prompt-snapshot", "off").noneMatch(word -> word.contains("You are"));
  }

  @Test
  void skillsHaveAHeadAndTheirFiles() throws Exception {
    profile.put("skills", List.of(
        new AgentProfile.Skill("plain", "Does: \"it\"", "Body", List.of(new InitialFile("a/b.bin", "AP8=", Encoding.BASE64),
            new InitialFile("run.sh", "#!/bin/sh\n", null))),
        new AgentProfile.Skill("headed", null, "---\nname: headed\n---\nBody", null)));
    assertThat(files()).containsEntry(".claude/skills/plain/SKILL.md", "---\nname: \"plain\"\ndescription: \"Does: \\\"it\\\"\"\n---\nBody")
        .containsEntry(".claude/skills/headed/SKILL.md", "---\nname: headed\n---\nBody");
    FileContent binary = file(".claude/skills/plain/a/b.bin");
    assertThat(binary.content()).isEqualTo(Buffer.buffer(new byte[] {0, -1}));
    assertThat(binary.executable()).isFalse();
    assertThat(file(".claude/skills/plain/run.sh").executable()).isTrue();
  }

  @Test
  void subagentsAndCommandsAreFiles() throws Exception {
    profile.put("subagents", List.of(new AgentProfile.Subagent("r", "Reviews", "You review", "haiku", List.of("Read")),
        new AgentProfile.Subagent("s", "Says", "You say", null, null)));
    profile.put("commands", List.of(new AgentProfile.Command("ship", "Ship $ARGUMENTS")));
    assertThat(files()).containsEntry(".claude/commands/ship.md", "Ship $ARGUMENTS");
    assertThat(json(files().get(".agent-runtime/agents.json"))).isEqualTo(json("{\"r\":{\"description\":\"Reviews\",\"prompt\":\"You review\","
        + "\"model\":\"haiku\",\"tools\":[\"Read\"]},\"s\":{\"description\":\"Says\",\"prompt\":\"You say\"}}"));
    assertThat(command()).containsSubsequence("--agents", "/sandbox/.agent-runtime/agents.json");
  }

  @Test
  void mcpServersAreOneFile() throws Exception {
    profile.put("bundledMCPs", List.of(new AgentProfile.BundledMcpServer("own", List.of(new InitialFile("s.js", "x", null)), "node",
        List.of("s.js"), Map.of("TOKEN", "secret"))));
    profile.put("externalMCPs", List.of(
        new AgentProfile.ExternalMcpServer("far", "sse", null, null, null, "https://example.com/mcp", Map.of("A", "b")),
        new AgentProfile.ExternalMcpServer("near", null, "npx", List.of("thing"), null, null, null)));
    assertThat(json(files().get(".agent-runtime/mcp.json")).path("mcpServers")).isEqualTo(json("{\"own\":{\"type\":\"stdio\","
        + "\"command\":\"/bin/sh\",\"args\":[\"-c\",\"cd \\\"$0\\\" && exec \\\"$@\\\"\",\"/sandbox/.agent-runtime/mcp/own\",\"node\",\"s.js\"],"
        + "\"env\":{\"TOKEN\":\"secret\"}},\"far\":{\"type\":\"sse\",\"url\":\"https://example.com/mcp\",\"headers\":{\"A\":\"b\"}},"
        + "\"near\":{\"type\":\"stdio\",\"command\":\"npx\",\"args\":[\"thing\"],\"env\":{}}}"));
    assertThat(files()).containsEntry(".agent-runtime/mcp/own/s.js", "x");
    assertThat(command()).containsSubsequence("--mcp-config", "/sandbox/.agent-runtime/mcp.json").noneMatch(word -> word.contains("secret"));
  }

  @Test
  void toolsAreThoseOfTheProfileAndWhatItsOtherPartsNeed() throws Exception {
    profile.put("tools", List.of("Read", "mcp__own__x"));
    assertThat(command()).containsSubsequence("--tools", "Read");
    profile.put("commands", List.of(new AgentProfile.Command("ship", "x")));
    profile.put("subagents", List.of(new AgentProfile.Subagent("r", "d", "p", null, null)));
    assertThat(command()).containsSubsequence("--tools", "Read,Skill,Agent");
    profile.put("tools", List.of("Bash(git *)"));
    failsWith("Bash(git *)");
    profile.remove("tools");
    assertThat(command()).doesNotContain("--tools");
  }

  @Test
  void packagesAreInstalledIntoTheHomeAndFoundThere() throws Exception {
    profile.put("npmDependencies", List.of("left-pad@1.3.0", "@scope/x"));
    profile.put("pipDependencies", List.of("six==1.17.0"));
    profile.put("environmentVariables", Map.of("NPM_CONFIG_REGISTRY", "https://example.com", "PYTHONPATH", "/mine"));
    LaunchPlan plan = plan(false);
    assertThat(plan.setup()).extracting(LaunchPlan.SetupStep::description)
        .containsExactly("Installing 2 npm packages", "Installing 1 Python package");
    assertThat(plan.setup().get(0).command().command()).startsWith("npm", "install", "--prefix", "/sandbox/.agent-runtime", "--no-audit")
        .endsWith("--", "left-pad@1.3.0", "@scope/x");
    assertThat(plan.setup().get(0).command().environment()).containsEntry("NPM_CONFIG_REGISTRY", "https://example.com");
    assertThat(plan.setup().get(1).command().command()).startsWith("python3", "-m", "pip", "install")
        .containsSubsequence("--target", "/sandbox/.agent-runtime/python", "--", "six==1.17.0");
    assertThat(plan.process().command()).startsWith("/bin/sh", "-c", "export PATH=\"$0:$PATH\"; exec \"$@\"",
        "/sandbox/.agent-runtime/node_modules/.bin:/sandbox/.agent-runtime/python/bin");
    assertThat(plan.process().environment()).containsEntry("NODE_PATH", "/sandbox/.agent-runtime/node_modules")
        .containsEntry("PYTHONPATH", "/sandbox/.agent-runtime/python:/mine");
  }

  @Test
  void theProfilesVariablesReachTheAgentButDoNotMoveIt() throws Exception {
    profile.put("environmentVariables", Map.of("MINE", "1", "CLAUDE_CODE_MAX_RETRIES", "9", "CLAUDE_CONFIG_DIR", "/etc", "IS_SANDBOX", "0"));
    assertThat(planned()).containsEntry("MINE", "1").containsEntry("CLAUDE_CODE_MAX_RETRIES", "9")
        .containsEntry("CLAUDE_CONFIG_DIR", "/sandbox/.claude").containsEntry("IS_SANDBOX", "1");
  }

  @Test
  void withoutAKeyItSaysWhatToDo() {
    environment.remove("ANTHROPIC_API_KEY");
    failsWith("ANTHROPIC_API_KEY", "demo");
  }

  @Test
  void aProfileMayBringItsOwnKey() throws Exception {
    environment.remove("ANTHROPIC_API_KEY");
    for (String name : List.of("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK")) {
      profile.put("environmentVariables", Map.of(name, "own"));
      assertThat(planned()).containsEntry(name, "own");
    }
  }

  @Test
  void theServersKeyGoesToTheServersAddressOnly() throws Exception {
    environment.put("ANTHROPIC_BASE_URL", "https://proxy.example.com");
    assertThat(planned()).containsEntry("ANTHROPIC_BASE_URL", "https://proxy.example.com").containsEntry("ANTHROPIC_API_KEY", "sk-server");
    profile.put("environmentVariables", Map.of("ANTHROPIC_BASE_URL", "https://other.example.com"));
    failsWith("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN");
    profile.put("environmentVariables", Map.of("ANTHROPIC_BASE_URL", "https://other.example.com", "ANTHROPIC_AUTH_TOKEN", "t"));
    assertThat(planned()).containsEntry("ANTHROPIC_BASE_URL", "https://other.example.com").doesNotContainKey("ANTHROPIC_API_KEY");
  }

  @Test
  void anAgentThatComesWithTheRuntimeNeedsNoKeyAndNoCli() throws Exception {
    environment.remove("ANTHROPIC_API_KEY");
    environment.remove("AGENT_RUNTIME_CLAUDE_COMMAND");
    profile.put("command", List.of("demo"));
    assertThat(command()).startsWith("java", "Demo", "-p").endsWith("--session-id", SESSION);
    assertThat(planned()).doesNotContainKey("ANTHROPIC_API_KEY");
  }

  @Test
  void anotherCommandTakesTheClisPlace() throws Exception {
    profile.put("command", List.of("/opt/agent", "--flag"));
    assertThat(command()).startsWith("/opt/agent", "--flag", "-p");
  }

  @Test
  void aFileThatIsNotAsItShouldBeIsRefused() {
    profile.put("skills", List.of(new AgentProfile.Skill("x", null, "b", List.of(new InitialFile("../../evil", "x", null)))));
    failsWith("profile p", "outside");
    profile.put("skills", List.of(new AgentProfile.Skill("x", null, "b", List.of(new InitialFile("a", "AAAAA", Encoding.BASE64)))));
    failsWith("profile p", "base64");
  }

  @Test
  void onlyTheProfilesOwnCommandsAndSkillsAreCarriedOut() {
    profile.put("commands", List.of(new AgentProfile.Command("ship", "x")));
    profile.put("skills", List.of(new AgentProfile.Skill("greet", null, "x", null)));
    for (String text : List.of("/ship", "/ship it now", "/greet\nyou")) {
      assertThat(message(text).has("client_composed")).as(text).isFalse();
    }
    for (String text : List.of("/clear", "/shipping", "ship", " /ship", "/", "@/etc/passwd", "/compact /ship")) {
      assertThat(message(text).path("client_composed").asBoolean()).as(text).isTrue();
    }
    assertThat(message("hi")).isEqualTo(json("{\"type\":\"user\",\"uuid\":\"" + SESSION + "\",\"client_composed\":true,"
        + "\"message\":{\"role\":\"user\",\"content\":\"hi\"}}"));
  }

  @Test
  void aSandboxThatIsEquippedNeedsNothingOfTheServer() throws Exception {
    equipped = true;
    environment.remove("AGENT_RUNTIME_CLAUDE_COMMAND");
    profile.put("npmDependencies", List.of("left-pad@1.3.0"));
    profile.put("pipDependencies", List.of("requests==2.32.3"));
    profile.put("sandbox", Map.of("milliCpu", 2000));
    assertThat(command()).startsWith("claude", "-p");
    assertThat(plan(false).setup()).isEmpty();
    assertThat(planned()).doesNotContainKeys("NODE_PATH", "PYTHONPATH");
    SandboxNeeds needs = architecture().needs(profile());
    assertThat(needs.programs()).containsExactly("@anthropic-ai/claude-code@" + SettingsLoader.load(environment).claude().version());
    assertThat(needs.npmPackages()).containsExactly("left-pad@1.3.0");
    assertThat(needs.pipPackages()).containsExactly("requests==2.32.3");
    assertThat(needs.wishes().milliCpu()).isEqualTo(2000);
  }

  @Test
  void theFilesOfAnMcpServerAreNotBroughtToWhereTheyLie() throws Exception {
    profile.put("bundledMCPs", List.of(new AgentProfile.BundledMcpServer("own", List.of(new InitialFile("bin/s", "#!/bin/sh", null),
        new InitialFile("d", "AAE=", WorkspaceFile.Encoding.BASE64)), "bin/s", List.of(), Map.of("TOKEN", "secret"))));
    assertThat(architecture().needs(profile()).files().contents()).containsExactly(new SuppliedFile("mcp/own/bin/s", Buffer.buffer("#!/bin/sh"), true),
        new SuppliedFile("mcp/own/d", Buffer.buffer(new byte[] {0, 1}), false));
    supplied = "/image/files";
    assertThat(files()).doesNotContainKeys(".agent-runtime/mcp/own/bin/s", ".agent-runtime/mcp/own/d");
    assertThat(json(files().get(".agent-runtime/mcp.json")).at("/mcpServers/own/args/2").asText()).isEqualTo("/image/files/mcp/own");
  }

  /** The one that a store gave again is the same. */
  @Test
  void theFilesOfAProfileAreReadOnceForItsDigest() throws Exception {
    profile.put("bundledMCPs", List.of(new AgentProfile.BundledMcpServer("own", List.of(new InitialFile("s", "one", null)), "s", List.of(), Map.of())));
    ClaudeArchitecture architecture = architecture();
    AgentProfile used = profile();
    String digest = architecture.needs(used).files().digest();
    assertThat(architecture.needs(profile()).files().digest()).isSameAs(digest);
    assertThat(profile()).isEqualTo(used);
    profile.put("bundledMCPs", List.of(new AgentProfile.BundledMcpServer("own", List.of(new InitialFile("s", "two", null)), "s", List.of(), Map.of())));
    assertThat(architecture.needs(profile()).files().digest()).isNotEqualTo(digest);
  }

  @Test
  void anAgentThatComesWithTheRuntimeIsTakenAlong() throws Exception {
    profile.put("command", List.of("demo"));
    assertThat(command()).startsWith("java", "Demo", "-p");
    equipped = true;
    assertThat(command()).startsWith("java", "-cp", "/sandbox/.agent-runtime/program/demo.jar", "Demo", "-p");
    assertThat(file(".agent-runtime/program/demo.jar").content().toString()).isEqualTo("classes");
    assertThat(architecture().needs(profile()).systemPackages()).containsExactly("a-jre");
    assertThat(architecture().needs(profile()).programs()).isEmpty();
  }
}
