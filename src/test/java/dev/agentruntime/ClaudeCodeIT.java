package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.ScriptedClaude;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The real Claude Code CLI through REST and WebSocket, with a scripted model. */
@Execution(ExecutionMode.CONCURRENT)
class ClaudeCodeIT extends ClaudeRig {

  @Test
  void textArrivesDeltaByDelta() {
    try (LiveSession session = session()) {
      session.succeeds("play:text n=40");
      assertThat(session.texts()).hasSize(1).allMatch(text -> text.startsWith("word0 word1 ") && text.endsWith("word39 "));
      assertThat(session.events).filteredOn(event -> event.path("event").asText().equals("session:block:delta")).hasSizeGreaterThan(5);
      assertThat(session.fold.blocks()).first().isInstanceOf(Block.UserMessage.class);
      assertThat(session.fold.snapshot().usage().usage().outputTokens()).isPositive();
      assertThat(session.fold.snapshot().usage().costUSD()).isPositive();
      assertThat(claude.model().asked()).hasSize(1).allMatch(asked -> asked.apiKey().equals(ScriptedClaude.KEY));
      session.assertWhole();
    }
  }

  @Test
  void picturesReachTheModel() throws Exception {
    var picture = new ByteArrayOutputStream();
    ImageIO.write(new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB), "png", picture);
    ArrayNode content = Json.object().putArray("content");
    content.addObject().put("type", "text").put("text", "play:hello say=picture");
    content.addObject().put("type", "image").putObject("source").put("type", "base64").put("media_type", "image/png")
        .put("data", Base64.getEncoder().encodeToString(picture.toByteArray()));
    try (LiveSession session = session()) {
      LiveSession.assertSucceeded(session.ended(session.say(content)));
      assertThat(session.blocks(Block.UserMessage.class)).singleElement()
          .satisfies(message -> assertThat(message.content().json()).isEqualTo(content));
      assertThat(claude.model().lastAskedWith("say=picture").messages().encode()).contains("\"type\":\"image\"", "image/png");
      session.assertWhole();
    }
  }

  @Test
  void anUnloadLeavesNoProcessBehind() throws Exception {
    String mark = "mark-" + UUID.randomUUID();
    try (LiveSession session = session()) {
      JsonNode accepted = session.say("play:slowtool mark=" + mark);
      List<ProcessHandle> processes = awaitProcesses(mark);
      session.unload();
      assertThat(session.ended(accepted).path("outcome").asText()).isNotEqualTo("success");
      for (ProcessHandle process : processes) {
        process.onExit().get(10, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void thinkingIsShown() {
    try (LiveSession session = session()) {
      session.succeeds("play:think");
      assertThat(session.blocks(Block.Thinking.class)).singleElement()
          .satisfies(block -> assertThat(block.content()).isEqualTo("Let me think about this, step by step."));
      assertThat(session.texts()).containsExactly("The answer is 42, after some thought.");
      session.assertWhole();
    }
  }

  @Test
  void toolsChangeFiles() {
    try (LiveSession session = session()) {
      session.succeeds("play:files");
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::toolName).containsExactly("Write", "Edit", "Bash");
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::status).containsOnly(CallStatus.SUCCESS);
      assertThat(session.blocks(Block.ToolResult.class)).hasSize(3).noneMatch(Block.ToolResult::isError)
          .last().satisfies(result -> assertThat(result.output().toString()).contains("alpha\\nBETA\\ngamma"));
      assertThat(session.texts()).last().isEqualTo("All three are done.");
      assertThat(session.fold.files()).isEmpty();

      session.succeeds("play:write file=kept.txt content=here");
      assertThat(session.fold.files().keySet()).containsExactly("kept.txt");
      assertThat(server.client().get("/sessions/" + session.id + "/files/kept.txt").text()).isEqualTo("here");
      assertThat(session.events).extracting(event -> event.path("event").asText()).contains("session:file:created");
      session.assertWhole();
    }
  }

  @Test
  void toolsThatFailAreShownAsFailed() {
    try (LiveSession session = session()) {
      session.succeeds("play:toolerror");
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::status).containsOnly(CallStatus.ERROR).hasSize(2);
      assertThat(session.blocks(Block.ToolResult.class)).allMatch(Block.ToolResult::isError)
          .last().satisfies(result -> assertThat(result.output().toString()).contains("Exit code 7"));
      session.assertWhole();
    }
  }

  @Test
  void toolsRunInParallel() {
    try (LiveSession session = session()) {
      session.succeeds("play:parallel");
      assertThat(session.blocks(Block.ToolResult.class)).extracting(result -> result.output().asText()).containsExactly("second", "first");
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::status).containsOnly(CallStatus.SUCCESS).hasSize(2);
      session.assertWhole();
    }
  }

  @Test
  void aSubagentHasItsOwnConversation() {
    try (LiveSession session = session()) {
      session.succeeds("play:agent");
      Block.SubagentCall call = session.blocks(Block.SubagentCall.class).get(0);
      assertThat(call.status()).isEqualTo(CallStatus.SUCCESS);
      assertThat(call.output().toString()).contains("The count is 7 words.").doesNotContain("hand-back");
      assertThat(session.blocks(Block.ToolUse.class)).isEmpty();
      assertThat(session.fold.subagents()).singleElement().satisfies(subagent -> {
        assertThat(subagent.id()).isEqualTo(call.subagentId());
        assertThat(subagent.blocks()).hasExactlyElementsOfTypes(Block.UserMessage.class, Block.Thinking.class, Block.AssistantText.class,
            Block.ToolUse.class, Block.ToolResult.class, Block.AssistantText.class);
      });
      session.assertWhole();
    }
  }

  @Test
  void aTextIsInterruptedAndKeepsWhatItHad() {
    try (LiveSession session = session()) {
      JsonNode accepted = session.say("play:slow");
      session.awaitBlock(data -> data.path("delta").asText().contains("s3 "));
      session.interrupt();
      assertThat(session.ended(accepted).path("outcome").asText()).isEqualTo("interrupted");
      assertThat(session.texts()).singleElement().asString().startsWith("s0 s1 s2 s3 ").doesNotContain("s399");
      session.succeeds("play:hello say=again");
      assertThat(session.texts()).last().isEqualTo("Hello, again.");
      session.assertWhole();
    }
  }

  @Test
  void aToolIsInterruptedWithItsProcesses() throws Exception {
    String mark = "mark-" + UUID.randomUUID();
    try (LiveSession session = session()) {
      JsonNode accepted = session.say("play:slowtool mark=" + mark);
      session.awaitBlock(data -> data.at("/updates/status").asText().equals("running"));
      List<ProcessHandle> processes = awaitProcesses(mark);
      session.interrupt();
      assertThat(session.ended(accepted).path("outcome").asText()).isEqualTo("interrupted");
      for (ProcessHandle process : processes) {
        process.onExit().get(10, TimeUnit.SECONDS);
      }
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::status).containsExactly(CallStatus.ERROR);
      session.succeeds("play:hello");
      session.assertWhole();
    }
  }

  @Test
  void aSubagentIsInterrupted() throws Exception {
    String mark = "mark-" + UUID.randomUUID();
    try (LiveSession session = session()) {
      JsonNode accepted = session.say("play:slowagent mark=" + mark);
      List<ProcessHandle> processes = awaitProcesses(mark);
      session.interrupt();
      assertThat(session.ended(accepted).path("outcome").asText()).isEqualTo("interrupted");
      for (ProcessHandle process : processes) {
        process.onExit().get(10, TimeUnit.SECONDS);
      }
      assertThat(session.blocks(Block.SubagentCall.class)).extracting(Block.SubagentCall::status).containsExactly(CallStatus.ERROR);
      session.succeeds("play:hello");
      session.assertWhole();
    }
  }

  /** The shell with the mark in its command line, and what it started. */
  private static List<ProcessHandle> awaitProcesses(String mark) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (System.nanoTime() < deadline) {
      List<ProcessHandle> shells = ProcessHandle.allProcesses()
          .filter(process -> process.info().commandLine().orElse("").contains(mark)).toList();
      List<ProcessHandle> all = shells.stream().flatMap(shell -> Stream.concat(Stream.of(shell), shell.descendants())).toList();
      if (all.size() > 1) {
        return all;
      }
      Thread.onSpinWait();
    }
    throw new AssertionError("the tool has no processes");
  }

  @Test
  void theConversationGoesOnAfterAnUnload() {
    try (LiveSession session = session()) {
      session.succeeds("play:hello say=first");
      session.succeeds("play:agent");
      SessionSnapshot before = session.stored();
      session.unload();
      assertGoesOn(before, "first");
    }
  }

  @Test
  void theConversationGoesOnAfterARestart() {
    SessionSnapshot before;
    try (LiveSession session = session()) {
      session.succeeds("play:write file=notes.txt content=remember");
      session.succeeds("play:hello say=first");
      before = session.stored();
    }
    server.close();
    server = claude.server(directory);
    assertGoesOn(before, "first");
  }

  @Test
  void aTurnThatRunsOutlivesTheServer() {
    String id;
    JsonNode accepted;
    try (LiveSession session = session()) {
      id = session.id;
      accepted = session.say("play:text n=200 delay=30");
      session.awaitBlock(data -> data.path("delta").asText().contains("word5 "));
    }
    server.close();
    server = claude.server(directory);
    try (LiveSession session = LiveSession.join(server.client(), id)) {
      if (session.fold.runtime().turn() != null) {
        LiveSession.assertSucceeded(session.ended(accepted));
      }
      assertThat(session.texts()).singleElement()
          .isEqualTo(IntStream.range(0, 200).mapToObj(i -> "word" + i + " ").collect(Collectors.joining()));
      assertThat(claude.model().asked()).hasSize(1);
      session.succeeds("play:history");
      session.assertWhole();
    }
  }

  private void assertGoesOn(SessionSnapshot before, String said) {
    try (LiveSession session = LiveSession.join(server.client(), before.session().sessionId())) {
      assertThat(session.fold.snapshot().epoch()).isNotEqualTo(before.epoch());
      assertThat(session.fold.blocks()).isEqualTo(before.blocks());
      assertThat(session.fold.subagents()).isEqualTo(before.subagents());
      assertThat(session.fold.snapshot().usage()).isEqualTo(before.usage());
      assertThat(session.fold.snapshot().workspaceFiles()).isEqualTo(before.workspaceFiles());
      session.succeeds("play:history");
      assertThat(session.texts()).last().asString().contains("user: play:hello say=" + said, "assistant: Hello, " + said + ".");
      assertThat(session.fold.blocks().subList(0, before.blocks().size())).isEqualTo(before.blocks());
      session.assertWhole();
    }
  }

  @Test
  void aRefusedKeyEndsTheTurnWithoutFurtherAttempts() {
    try (LiveSession session = session()) {
      JsonNode turn = session.runs("play:auth401");
      assertThat(turn.path("outcome").asText()).isEqualTo("error");
      assertThat(turn.path("error").toString()).containsIgnoringCase("key").doesNotContain(ScriptedClaude.KEY);
      assertThat(claude.model().asked()).hasSize(1);
      assertThat(session.runs("play:hello").path("outcome").asText()).isEqualTo("success");
      session.assertWhole();
    }
  }

  @Test
  void anOverloadedModelIsAskedAgain() {
    try (LiveSession session = session()) {
      session.succeeds("play:overloaded fails=2");
      assertThat(claude.model().asked()).hasSize(3);
      assertThat(session.texts()).containsExactly("Success after overload.");
      session.assertWhole();
    }
  }

  @Test
  void aBadRequestEndsTheTurnWithItsReason() {
    try (LiveSession session = session()) {
      JsonNode turn = session.runs("play:bad400");
      assertThat(turn.path("outcome").asText()).isEqualTo("error");
      assertThat(turn.path("error").toString()).contains("a bad request, says the script");
      session.assertWhole();
    }
  }

  @Test
  void anAnswerThatBreaksOffIsWithdrawn() {
    try (LiveSession session = session()) {
      session.succeeds("play:cut");
      assertThat(session.texts()).containsExactly("The whole answer after the drop.");
      session.succeeds("play:midstream");
      assertThat(session.texts()).containsExactly("The whole answer after the drop.", "The whole answer on the second try.");
      assertThat(session.events).filteredOn(event -> event.path("event").asText().equals("session:block:removed")).isNotEmpty();
      session.assertWhole();
    }
  }

  @Test
  void anotherModelIsUsedFromTheNextTurnOn() {
    try (LiveSession session = session()) {
      session.succeeds("play:hello say=one");
      session.options(Json.object().put("model", "claude-haiku-4-5"));
      session.succeeds("play:hello say=two");
      assertThat(claude.model().asked()).last().satisfies(asked -> assertThat(asked.model()).isEqualTo("claude-haiku-4-5"));
      assertThat(claude.model().asked().get(0).model()).isNotEqualTo("claude-haiku-4-5");
      assertThat(session.blocks(Block.AssistantText.class)).last()
          .satisfies(text -> assertThat(text.model()).isEqualTo("claude-haiku-4-5"));
    }
  }
}
