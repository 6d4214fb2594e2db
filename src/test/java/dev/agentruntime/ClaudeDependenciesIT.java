package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.McpServers;
import dev.agentruntime.support.NpmRegistry;
import dev.agentruntime.support.Python;
import dev.agentruntime.support.ScriptedClaude;
import dev.agentruntime.support.TestServer;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The npm and pip packages that a profile lists are there for the tools of the real Claude Code CLI, from a registry that the profile names. */
@Execution(ExecutionMode.CONCURRENT)
class ClaudeDependenciesIT {

  @RegisterExtension
  final ScriptedClaude claude = new ScriptedClaude();

  @TempDir
  Path directory;

  private NpmRegistry registry;
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    registry = NpmRegistry.start(claude.vertx());
    Path profiles = Files.createDirectories(directory.resolve("profiles"));
    Files.writeString(profiles.resolve("node.json"), npm(profile()).toString());
    Files.writeString(profiles.resolve("python.json"), pip(profile()).toString());
    ObjectNode server = McpServers.bundled("bundled-mark", "token-mark");
    server.withArray("files").add(Json.object().put("path", "module.mjs")
        .put("content", "import words from 'nodewords'; process.env.WORDS_TOKEN = words; await import('./server.js');"));
    server.putArray("args").add("module.mjs");
    ObjectNode module = npm(profile());
    module.putArray("bundledMCPs").add(server);
    Files.writeString(profiles.resolve("module.json"), module.toString());
    Files.writeString(profiles.resolve("both.json"), pip(npm(profile())).toString());
    Files.writeString(profiles.resolve("none.json"), pip(npm(profile())).without(List.of("npmDependencies", "pipDependencies")).toString());
    Files.writeString(profiles.resolve("unknown.json"), npm(profile()).set("npmDependencies", Json.toTree(List.of("nowhere@1.0.0")))
        .toString());
    this.server = TestServer.start(directory.resolve("data"), claude.settings(Map.of("AGENT_RUNTIME_PROFILES_DIR", profiles.toString())));
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
    registry.close();
  }

  private static ObjectNode profile() {
    ObjectNode profile = Json.object().put("name", "Worker").put("architecture", "claude-agent-sdk");
    profile.putObject("environmentVariables");
    return profile;
  }

  private ObjectNode npm(ObjectNode profile) throws Exception {
    Path folder = directory.resolve("nodewords");
    if (!Files.exists(folder)) {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("index.js"), "module.exports = 'npm-mark';\n");
      Files.writeString(folder.resolve("say.js"), "#!/usr/bin/env node\nconsole.log('npm-program-mark');\n");
      registry.publish(folder, "nodewords", "1.2.3", "say.js");
    }
    profile.putArray("npmDependencies").add("nodewords@1.2.3");
    profile.withObject("environmentVariables").put("NPM_CONFIG_REGISTRY", registry.url());
    return profile;
  }

  private ObjectNode pip(ObjectNode profile) throws Exception {
    Path folder = directory.resolve("wheels");
    Python.wheel(folder, "snakewords", "1.2.3", "WORDS = 'pip-mark'\ndef main():\n    print('pip-program-mark')\n");
    profile.putArray("pipDependencies").add("snakewords==1.2.3");
    profile.withObject("environmentVariables").put("PIP_NO_INDEX", "1").put("PIP_FIND_LINKS", folder.toString());
    return profile;
  }

  private static Block.ToolResult run(LiveSession session, String command) {
    assertThat(session.runs("play:run command=" + URLEncoder.encode(command, StandardCharsets.UTF_8)).path("outcome").asText())
        .isEqualTo("success");
    List<Block.ToolResult> results = session.blocks(Block.ToolResult.class);
    return results.get(results.size() - 1);
  }

  private static void assertSays(Block.ToolResult result, String... marks) {
    assertThat(result.isError()).as(result.toString()).isFalse();
    assertThat(result.output().asText()).contains(marks);
  }

  @Test
  void npmPackagesAreThere() {
    try (LiveSession session = LiveSession.create(server.client(), "node")) {
      assertSays(run(session, "node -e 'console.log(require(\"nodewords\"))'; nodewords"), "npm-mark", "npm-program-mark");
      assertThat(session.fold.files()).isEmpty();
    }
  }

  @Test
  void aBundledMcpServerImportsThem() {
    try (LiveSession session = LiveSession.create(server.client(), "module")) {
      assertThat(session.runs("play:tool name=mcp__own__words").path("outcome").asText()).isEqualTo("success");
      assertSays(session.blocks(Block.ToolResult.class).getLast(), "bundled-mark npm-mark");
    }
  }

  @Test
  void pipPackagesAreThere() throws Exception {
    Python.require("a profile's pip packages were not tested");
    try (LiveSession session = LiveSession.create(server.client(), "python")) {
      assertSays(run(session, "python3 -c 'import snakewords; print(snakewords.WORDS)'; snakewords"), "pip-mark", "pip-program-mark");
      assertThat(session.fold.files()).isEmpty();
    }
  }

  @Test
  void bothAreThereAndAgainInTheNextSandbox() throws Exception {
    Python.require("a profile's pip packages were not tested beside those of npm");
    String both = "node -e 'console.log(require(\"nodewords\"))'; python3 -c 'import snakewords; print(snakewords.WORDS)'";
    try (LiveSession session = LiveSession.create(server.client(), "both")) {
      assertSays(run(session, both), "npm-mark", "pip-mark");
      session.unload();
      try (LiveSession later = LiveSession.join(server.client(), session.id)) {
        assertSays(run(later, both), "npm-mark", "pip-mark");
      }
    }
  }

  @Test
  void withoutThemTheyAreNot() throws Exception {
    try (LiveSession session = LiveSession.create(server.client(), "none")) {
      assertThat(run(session, "node -e 'require(\"nodewords\")'").isError()).isTrue();
    }
  }

  @Test
  void aPackageThatThereIsNotEndsTheTurn() {
    try (LiveSession session = LiveSession.create(server.client(), "unknown")) {
      assertThat(session.runs("play:hello").path("error").asText()).contains("Installing 1 npm package failed");
      assertThat(claude.model().asked()).isEmpty();
    }
  }
}
