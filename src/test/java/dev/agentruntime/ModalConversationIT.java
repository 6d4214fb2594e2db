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
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The demo agent and the real Claude Code CLI in sandboxes of Modal's, through REST and WebSocket, with a scripted model. */
class ModalConversationIT extends ModalServerRig {

  @Test
  void theDemoAgentConverses() {
    try (LiveSession session = LiveSession.create(server.client(), "demo")) {
      assertThat(modal.sandboxes()).as("before the first message").isEmpty();
      session.succeeds("think about it; say \"Hello, world\" in 3 deltas; write notes.txt: first; run echo here");
      assertThat(session.texts()).first().isEqualTo("Hello, world");
      assertThat(server.client().get("/sessions/" + session.id + "/files/notes.txt").text()).isEqualTo("first");
      assertThat(modal.alive()).singleElement().satisfies(sandbox -> assertThat(sandbox.tags().toString()).contains(session.id));
      session.assertWhole();
      goesOnAfterAnUnload(session, "recall", "Hello, world");
    }
  }

  @Test
  void claudeCodeConverses() {
    modal.program("claude", Path.of(RealClaude.executable()));
    try (LiveSession session = LiveSession.create(server.client(), "default")) {
      session.succeeds("play:text n=40");
      assertThat(session.texts()).singleElement().asString().startsWith("word0 word1 ").endsWith("word39 ");
      session.succeeds("play:write file=kept.txt content=here");
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::status).containsOnly(CallStatus.SUCCESS);
      assertThat(session.fold.files().keySet()).containsExactly("kept.txt");
      session.succeeds("play:agent");
      assertThat(session.fold.subagents()).hasSize(1);
      JsonNode slow = session.say("play:slow");
      session.awaitBlock(data -> data.path("delta").asText().contains("s3 "));
      session.interrupt();
      assertThat(session.ended(slow).path("outcome").asText()).isEqualTo("interrupted");
      session.assertWhole();
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
      later.succeeds(question);
      assertThat(later.texts()).last().asString().contains(remembered);
      JsonNode sandboxes = server.client().get("/sandboxes").json();
      assertThat(sandboxes.toString()).contains(session.id);
      assertThat(Json.text(later.stored().workspaceFiles())).isEqualTo(Json.text(before.workspaceFiles()));
      later.assertWhole();
    }
  }
}
