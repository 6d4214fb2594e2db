package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.McpServers;
import dev.agentruntime.support.ScriptedClaude;
import dev.agentruntime.support.ScriptedModel;
import dev.agentruntime.support.TestServer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Every field of a profile has its effect on the real Claude Code CLI; what it depends on: {@link ClaudeDependenciesIT}. */
class ClaudeProfileIT {

  @RegisterExtension
  static final ScriptedClaude CLAUDE = new ScriptedClaude();

  @TempDir
  static Path directory;

  private static ScriptedModel model;
  private static HttpServer mcp;
  private static TestServer server;

  @BeforeAll
  static void start() throws Exception {
    model = CLAUDE.model();
    mcp = CLAUDE.vertx().createHttpServer().requestHandler(ClaudeProfileIT::mcp).listen(0, "127.0.0.1").await(10, TimeUnit.SECONDS);
    Path profiles = Files.createDirectories(directory.resolve("profiles"));
    Files.writeString(profiles.resolve("worker.json"), profile());
    server = TestServer.start(directory.resolve("data"), CLAUDE.settings(Map.of("AGENT_RUNTIME_PROFILES_DIR", profiles.toString())));
  }

  /** An MCP server that is on the machine already, with a command to start it. */
  private static ObjectNode near() throws IOException {
    Path script = Files.writeString(directory.resolve("near.js"), McpServers.WORDS.replace("'words.txt'", "process.argv[2]"));
    ObjectNode near = Json.object().put("name", "near").put("command", "node");
    near.putArray("args").add(script.toString()).add(Files.writeString(directory.resolve("near.txt"), "near-mark").toString());
    near.putObject("env").put("WORDS_TOKEN", "near-token-mark");
    return near;
  }

  private static String profile() throws IOException {
    ObjectNode profile = Json.object().put("name", "Worker").put("architecture", "claude-agent-sdk")
        .put("systemPrompt", "You are the system-prompt-mark.").put("agentMDFile", "# Rules\nObey the agent-md-mark.");
    profile.putArray("tools").add("Read").add("Bash");
    ObjectNode skill = profile.putArray("skills").addObject().put("name", "greeter").put("description", "Greets with skill-mark")
        .put("skillMd", "Say what skill-body-mark says.");
    skill.putArray("supportingFiles").addObject().put("path", "more/words.txt").put("content", "supporting-mark");
    profile.putArray("subagents").addObject().put("name", "counter").put("description", "Counts for subagent-mark")
        .put("prompt", "You are the subagent-prompt-mark.").put("model", "claude-haiku-4-5").putArray("tools").add("Read");
    profile.putArray("commands").addObject().put("name", "check").put("prompt", "command-mark play:hello say=$ARGUMENTS");
    profile.putArray("bundledMCPs").add(McpServers.bundled("bundled-mark", "token-mark"));
    profile.putArray("externalMCPs").add(near()).addObject().put("name", "far").put("type", "http")
        .put("url", "http://127.0.0.1:" + mcp.actualPort() + "/mcp").putObject("headers").put("X-Token", "external-mark");
    profile.putObject("environmentVariables").put("WORKER_VARIABLE", "environment-mark");
    profile.putArray("defaultWorkspaceFiles").addObject().put("path", "docs/read.me").put("content", "workspace-mark");
    profile.putObject("sessionOptions").put("model", "claude-sonnet-4-5");
    return profile.toString();
  }

  /** An MCP server over HTTP with one tool, which says the header that it was sent. */
  private static void mcp(HttpServerRequest request) {
    if (!request.method().name().equals("POST")) {
      request.response().setStatusCode(405).end();
      return;
    }
    request.body().onSuccess(body -> {
      JsonObject call = body.toJsonObject();
      JsonObject result = switch (call.getString("method")) {
        case "initialize" -> new JsonObject().put("protocolVersion", call.getJsonObject("params").getString("protocolVersion"))
            .put("capabilities", new JsonObject().put("tools", new JsonObject()))
            .put("serverInfo", new JsonObject().put("name", "far").put("version", "1"));
        case "tools/list" -> new JsonObject().put("tools", new JsonArray().add(new JsonObject().put("name", "header")
            .put("description", "Says a header").put("inputSchema", new JsonObject().put("type", "object"))));
        case "tools/call" -> new JsonObject().put("content", new JsonArray().add(new JsonObject().put("type", "text")
            .put("text", String.valueOf(request.getHeader("X-Token")))));
        default -> new JsonObject();
      };
      if (call.containsKey("id")) {
        request.response().putHeader("content-type", "application/json")
            .end(new JsonObject().put("jsonrpc", "2.0").put("id", call.getValue("id")).put("result", result).toBuffer());
      } else {
        request.response().setStatusCode(202).end();
      }
    });
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void theModelIsAskedAsTheProfileSays() {
    try (LiveSession session = LiveSession.create(server.client(), "worker")) {
      assertThat(session.runs("play:hello say=asked").path("outcome").asText()).isEqualTo("success");
      ScriptedModel.Asked asked = model.lastAskedWith("play:hello say=asked");
      assertThat(asked.model()).isEqualTo("claude-sonnet-4-5");
      assertThat(asked.system()).contains("system-prompt-mark");
      assertThat(asked.tools()).contains("Read", "Bash", "Skill", "Agent", "mcp__own__words", "mcp__near__words", "mcp__far__header")
          .doesNotContain("Write", "Edit", "WebSearch");
      assertThat(asked.body().encode()).contains("agent-md-mark", "skill-mark", "subagent-mark");
    }
  }

  @Test
  void aBundledMcpServerIsCalled() {
    try (LiveSession session = LiveSession.create(server.client(), "worker")) {
      assertThat(result(session, "play:tool name=mcp__own__words")).contains("bundled-mark token-mark");
    }
  }

  @Test
  void externalMcpServersAreCalled() {
    try (LiveSession session = LiveSession.create(server.client(), "worker")) {
      assertThat(result(session, "play:tool name=mcp__near__words")).contains("near-mark near-token-mark");
      assertThat(result(session, "play:tool name=mcp__far__header")).contains("external-mark");
    }
  }

  @Test
  void toolsFindVariablesAndFiles() {
    try (LiveSession session = LiveSession.create(server.client(), "worker")) {
      assertThat(result(session, run("echo $WORKER_VARIABLE; cat docs/read.me; cat $CLAUDE_CONFIG_DIR/skills/greeter/more/words.txt; true")))
          .contains("environment-mark", "workspace-mark", "supporting-mark");
      assertThat(session.fold.files().keySet()).containsExactly("docs/read.me");
    }
  }

  private static String run(String command) {
    return "play:run command=" + URLEncoder.encode(command, StandardCharsets.UTF_8);
  }

  private static String result(LiveSession session, String text) {
    assertThat(session.runs(text).path("outcome").asText()).isEqualTo("success");
    List<Block.ToolResult> results = session.blocks(Block.ToolResult.class);
    assertThat(results).noneMatch(Block.ToolResult::isError);
    return results.get(results.size() - 1).output().toString();
  }

  @Test
  void aSkillIsUsed() {
    try (LiveSession session = LiveSession.create(server.client(), "worker")) {
      result(session, "play:tool name=Skill input=" + URLEncoder.encode("{\"skill\":\"greeter\"}", StandardCharsets.UTF_8));
      assertThat(model.asked()).last().satisfies(asked -> assertThat(asked.body().encode()).contains("skill-body-mark"));
    }
  }

  @Test
  void aSubagentOfTheProfileIsCalled() {
    try (LiveSession session = LiveSession.create(server.client(), "worker")) {
      assertThat(session.runs("play:agent type=counter").path("outcome").asText()).isEqualTo("success");
      assertThat(session.blocks(Block.SubagentCall.class)).singleElement().satisfies(call -> assertThat(call.name()).isEqualTo("counter"));
      assertThat(model.asked()).anySatisfy(asked -> {
        assertThat(asked.system()).contains("subagent-prompt-mark");
        assertThat(asked.model()).isEqualTo("claude-haiku-4-5");
        assertThat(asked.tools()).contains("Read").doesNotContain("Bash", "Write");
      });
    }
  }

  @Test
  void aCommandOfTheProfileIsCarriedOut() {
    try (LiveSession session = LiveSession.create(server.client(), "worker")) {
      assertThat(session.runs("/check it").path("outcome").asText()).isEqualTo("success");
      assertThat(session.texts()).last().isEqualTo("Hello, it.");
      assertThat(model.lastAskedWith("command-mark").messages().encode()).contains("say=it");
    }
  }
}
