package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.RealClaude;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.ScriptedModel;
import dev.agentruntime.support.TestServer;
import dev.agentruntime.support.modal.FakeModal;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The demo agent and the real Claude Code CLI in sandboxes of Modal's, through REST and WebSocket, with a scripted model. */
class ModalConversationIT {

  @TempDir
  Path directory;
  private final Vertx vertx = Vertx.vertx();
  private FakeModal modal;
  private ScriptedModel model;
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    modal = FakeModal.start(directory.resolve("modal"));
    model = ScriptedModel.start(vertx);
    Map<String, String> settings = new HashMap<>(modal.settings());
    settings.put("ANTHROPIC_API_KEY", "sk-scripted");
    settings.put("ANTHROPIC_BASE_URL", model.baseUrl());
    server = TestServer.start(directory.resolve("data"), settings);
  }

  @AfterEach
  void stop() throws Exception {
    server.runtime.unloadAll();
    SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "left: " + modal.alive());
    server.close();
    modal.close();
    model.close();
    vertx.close().await(10, TimeUnit.SECONDS);
  }

  private static void assertSucceeded(JsonNode turn) {
    assertThat(turn.path("outcome").asText()).as(turn.toString()).isEqualTo("success");
  }

  private static void assertWhole(LiveSession session) {
    assertThat(session.fold.open()).isEmpty();
    SessionSnapshot stored = session.stored();
    assertThat(session.fold.snapshot()).isEqualTo(stored);
  }

  @Test
  void theDemoAgentConverses() {
    try (LiveSession session = LiveSession.create(server.client(), "demo")) {
      assertThat(modal.sandboxes()).as("before the first message").isEmpty();
      assertSucceeded(session.runs("think about it; say \"Hello, world\" in 3 deltas; write notes.txt: first; run echo here"));
      assertThat(session.texts()).first().isEqualTo("Hello, world");
      assertThat(server.client().get("/sessions/" + session.id + "/files/notes.txt").text()).isEqualTo("first");
      assertThat(modal.alive()).singleElement().satisfies(sandbox -> assertThat(sandbox.tags().toString()).contains(session.id));
      assertWhole(session);
      goesOnAfterAnUnload(session, "recall", "Hello, world");
    }
  }

  @Test
  void claudeCodeConverses() {
    modal.program("claude", Path.of(RealClaude.executable()));
    try (LiveSession session = LiveSession.create(server.client(), "default")) {
      assertSucceeded(session.runs("play:text n=40"));
      assertThat(session.texts()).singleElement().asString().startsWith("word0 word1 ").endsWith("word39 ");
      assertSucceeded(session.runs("play:write file=kept.txt content=here"));
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::status).containsOnly(CallStatus.SUCCESS);
      assertThat(session.fold.files().keySet()).containsExactly("kept.txt");
      assertSucceeded(session.runs("play:agent"));
      assertThat(session.fold.subagents()).hasSize(1);
      JsonNode slow = session.say("play:slow");
      session.awaitBlock(data -> data.path("delta").asText().contains("s3 "));
      session.interrupt();
      assertThat(session.ended(slow).path("outcome").asText()).isEqualTo("interrupted");
      assertWhole(session);
      goesOnAfterAnUnload(session, "play:history", "play:text n=40");
    }
  }

  /** In another sandbox, with the conversation and the files of the first. */
  private void goesOnAfterAnUnload(LiveSession session, String question, String remembered) {
    SessionSnapshot before = session.stored();
    session.unload();
    SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "left: " + modal.alive());
    try (LiveSession later = LiveSession.join(server.client(), session.id)) {
      assertThat(later.fold.blocks()).isEqualTo(before.blocks());
      assertSucceeded(later.runs(question));
      assertThat(later.texts()).last().asString().contains(remembered);
      JsonNode sandboxes = server.client().get("/sandboxes").json();
      assertThat(sandboxes.toString()).contains(session.id);
      assertThat(Json.text(later.stored().workspaceFiles())).isEqualTo(Json.text(before.workspaceFiles()));
      assertWhole(later);
    }
  }
}
