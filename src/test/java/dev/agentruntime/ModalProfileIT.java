package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteRequest;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.McpServers;
import dev.agentruntime.support.NpmRegistry;
import dev.agentruntime.support.Python;
import dev.agentruntime.support.RealClaude;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What a profile brings is in the image of its sandboxes on Modal: packages and a bundled MCP server, used by the real Claude Code CLI. */
@Execution(ExecutionMode.CONCURRENT)
class ModalProfileIT extends ModalServerRig {

  @BeforeEach
  void makeProfile() throws Exception {
    modal.program("claude", Path.of(RealClaude.executable()));
    save("bundled-mark");
  }

  /** @param words of its MCP server */
  private void save(String words) {
    ObjectNode profile = Json.object().put("name", "Worker").put("architecture", "claude-agent-sdk");
    profile.putArray("bundledMCPs").add(McpServers.bundled(words, "token-mark"));
    save(profile);
  }

  private void save(ObjectNode profile) {
    assertThat(server.client().send("PUT", "/agent-profiles/worker", BodyPublishers.ofString(profile.toString()), "Content-Type",
        "application/json").status()).isBetween(200, 201);
  }

  private static String words(LiveSession session) {
    assertThat(session.runs("play:tool name=mcp__own__words").path("outcome").asText()).isEqualTo("success");
    Block.ToolResult result = session.blocks(Block.ToolResult.class).getLast();
    assertThat(result.isError()).as(result.toString()).isFalse();
    return result.output().toString();
  }

  private boolean wasWritten(String text) {
    return modal.recorded(ModalRpc.EXEC_STDIN_WRITE).stream().map(call -> ((TaskExecStdinWriteRequest) call.question()).getData())
        .map(ByteString::toStringUtf8).anyMatch(data -> data.contains(text));
  }

  @Test
  void aBundledMcpServerIsInTheImageAndBuiltOnce() {
    try (LiveSession first = LiveSession.create(server.client(), "worker")) {
      assertThat(words(first)).contains("bundled-mark token-mark");
    }
    List<List<String>> images = modal.images();
    assertThat(images).hasSize(2).last().satisfies(commands -> assertThat(commands.getFirst()).isEqualTo("FROM base"));
    int asked = modal.calls(ModalRpc.IMAGE_GET_OR_CREATE);
    try (LiveSession second = LiveSession.create(server.client(), "worker")) {
      assertThat(words(second)).contains("bundled-mark token-mark");
    }
    assertThat(modal.images()).isEqualTo(images);
    assertThat(modal.calls(ModalRpc.IMAGE_GET_OR_CREATE)).isEqualTo(asked);
    assertThat(wasWritten("mcpServers")).as("the agent's files").isTrue();
    assertThat(wasWritten("bundled-mark")).as("the server's files").isFalse();
    assertThat(images.toString()).as("secrets").doesNotContain("token-mark");
  }

  /** From a registry and an index that the base image names. */
  @Test
  void thePackagesOfAProfileAreInTheImage() throws Exception {
    Python.require("a profile's pip packages in an image were not tested");
    try (NpmRegistry registry = NpmRegistry.start(vertx)) {
      Path npm = Files.createDirectories(directory.resolve("nodewords"));
      Files.writeString(npm.resolve("index.js"), "module.exports = 'npm-mark';\n");
      Files.writeString(npm.resolve("say.js"), "#!/usr/bin/env node\nconsole.log('npm-program-mark');\n");
      registry.publish(npm, "nodewords", "1.2.3", "say.js");
      Path wheels = directory.resolve("wheels");
      Python.wheel(wheels, "snakewords", "1.2.3", "WORDS = 'pip-mark'\ndef main():\n    print('pip-program-mark')\n");
      modal.provide(wheels);
      modal.variable("NPM_CONFIG_REGISTRY", registry.url());
      modal.variable("PIP_NO_INDEX", "1");
      modal.variable("PIP_FIND_LINKS", wheels.toString());
      ObjectNode profile = Json.object().put("name", "Worker").put("architecture", "claude-agent-sdk");
      profile.putArray("npmDependencies").add("nodewords@1.2.3");
      profile.putArray("pipDependencies").add("snakewords>=1,<2");
      save(profile);
      try (LiveSession session = LiveSession.create(server.client(), "worker")) {
        assertSays(session, "node -e 'console.log(require(\"nodewords\"))'; nodewords", "npm-mark", "npm-program-mark");
        assertSays(session, "python3 -c 'import snakewords; print(snakewords.WORDS)'; snakewords", "pip-mark", "pip-program-mark");
      }
      profile.putArray("npmDependencies").add("nowhere@1.0.0");
      save(profile);
      try (LiveSession session = LiveSession.create(server.client(), "worker")) {
        assertThat(session.runs("play:hello").path("error").asText())
            .contains("The image could not be built, at \"1: RUN npm install ", "nowhere", "404");
      }
    }
  }

  private static void assertSays(LiveSession session, String command, String... marks) {
    assertThat(session.runs("play:run command=" + URLEncoder.encode(command, StandardCharsets.UTF_8)).path("outcome").asText())
        .isEqualTo("success");
    Block.ToolResult result = session.blocks(Block.ToolResult.class).getLast();
    assertThat(result.isError()).as(result.toString()).isFalse();
    assertThat(result.output().asText()).contains(marks);
  }

  @Test
  void aChangedMcpServerIsAnotherImageAndIsBroughtToASandboxThatIsThere() {
    try (LiveSession before = LiveSession.create(server.client(), "worker")) {
      assertThat(words(before)).contains("bundled-mark token-mark");
      save("changed-mark");
      try (LiveSession after = LiveSession.create(server.client(), "worker")) {
        assertThat(words(after)).contains("changed-mark token-mark");
      }
      assertThat(modal.images()).hasSize(3);
      assertThat(wasWritten("changed-mark")).isFalse();
      ObjectNode options = Json.object();
      options.putArray("allowedTools").add("Read");
      before.options(options);
      assertThat(words(before)).contains("changed-mark token-mark");
      assertThat(modal.sandboxes()).hasSize(2);
      assertThat(wasWritten("changed-mark")).isTrue();
    }
  }

  @Test
  void aFileThatCannotBeWrittenIsABuildThatFails() {
    ObjectNode profile = Json.object().put("name", "Worker").put("architecture", "claude-agent-sdk");
    ObjectNode own = McpServers.bundled("x", "y");
    own.withArray("files").add(Json.object().put("path", "words.txt/below").put("content", "z"));
    profile.putArray("bundledMCPs").add(own);
    save(profile);
    try (LiveSession session = LiveSession.create(server.client(), "worker")) {
      assertThat(session.runs("play:hello").path("error").asText()).contains("The image could not be built, at \"2: RUN node ", "EEXIST");
      assertThat(modal.sandboxes()).isEmpty();
    }
  }
}
