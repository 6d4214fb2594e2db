package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.TestClient;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Messages that come while the real Claude Code CLI is at work: each is a turn of its own, or is refused, or stops what runs. */
@Execution(ExecutionMode.CONCURRENT)
class ClaudeQueueIT extends ClaudeRig {

  private static JsonNode accepted(TestClient.Answer answer) {
    assertThat(answer.status()).as(answer.text()).isEqualTo(202);
    return answer.json();
  }

  @Test
  void messagesThatWaitAreTurnsOfTheirOwn() {
    try (LiveSession session = session()) {
      JsonNode first = session.say("play:run command=sleep+2");
      session.awaitBlock(data -> data.at("/updates/status").asText().equals("running"));
      JsonNode second = accepted(session.send("play:text n=20 delay=20", "enqueue"));
      JsonNode third = accepted(session.send("play:history", "enqueue"));
      assertThat(second.path("queued").asInt()).isEqualTo(1);
      assertThat(third.path("queued").asInt()).isEqualTo(2);
      for (JsonNode turn : new JsonNode[] {first, second, third}) {
        LiveSession.assertSucceeded(session.ended(turn));
      }
      assertThat(session.fold.blocks()).hasExactlyElementsOfTypes(Block.UserMessage.class, Block.AssistantText.class, Block.ToolUse.class,
          Block.ToolResult.class, Block.AssistantText.class, Block.UserMessage.class, Block.AssistantText.class, Block.UserMessage.class,
          Block.AssistantText.class);
      assertThat(session.blocks(Block.UserMessage.class)).extracting(Block::id).containsExactly(first.path("messageId").asText(),
          second.path("messageId").asText(), third.path("messageId").asText());
      assertThat(session.texts()).last().asString().contains("assistant: It has ended.\nuser: play:text n=20 delay=20\nassistant: word0 ");
      session.reloaded().close();
    }
  }

  @Test
  void aMessageThatInterruptsStopsWhatRunsAndKeepsItsPlace() {
    try (LiveSession session = session()) {
      JsonNode running = session.say("play:slow");
      session.awaitBlock(data -> data.path("delta").asText().contains("s3 "));
      JsonNode waiting = accepted(session.send("play:hello say=waiting", "enqueue"));
      JsonNode urgent = accepted(session.send("play:hello say=urgent", "interrupt"));
      assertThat(session.ended(running).path("outcome").asText()).isEqualTo("interrupted");
      LiveSession.assertSucceeded(session.ended(waiting));
      LiveSession.assertSucceeded(session.ended(urgent));
      assertThat(session.texts()).hasSize(3).endsWith("Hello, waiting.", "Hello, urgent.").first().asString().startsWith("s0 s1 s2 s3 ")
          .doesNotContain("s399");
      session.succeeds("play:history");
      assertThat(session.texts()).last().asString().contains("assistant: Hello, waiting.", "assistant: Hello, urgent.");
      session.reloaded().close();
    }
  }

  @Test
  void aMessageThatWillNotWaitIsRefusedAndNeverRun() {
    try (LiveSession session = session()) {
      JsonNode running = session.say("play:text n=40 delay=50");
      session.awaitBlock(data -> data.path("delta").asText().contains("word3 "));
      TestClient.Answer refused = session.send("play:hello say=no", "reject");
      assertThat(refused.status()).isEqualTo(409);
      assertThat(refused.code()).isEqualTo("SESSION_BUSY");
      LiveSession.assertSucceeded(session.ended(running));
      session.await(event -> event.at("/data/runtime/turn").isNull());
      LiveSession.assertSucceeded(session.ended(accepted(session.send("play:hello say=yes", "reject"))));
      assertThat(session.blocks(Block.UserMessage.class)).hasSize(2);
      assertThat(session.texts()).last().isEqualTo("Hello, yes.");
      assertThat(claude.model().asked()).hasSize(2).noneMatch(asked -> asked.messages().encode().contains("say=no"));
      session.reloaded().close();
    }
  }

  @Test
  void theEndOfABackgroundTaskIsATurnOfItsOwnAndTheNextMessageHasIts() {
    String command = Json.object().put("command", "until [ -e go ]; do sleep 0.1; done").put("description", "Wait")
        .put("run_in_background", true).toString();
    try (LiveSession session = session()) {
      session.succeeds("play:tool name=Bash input=" + URLEncoder.encode(command, StandardCharsets.UTF_8));
      assertThat(server.client().send("PUT", "/sessions/" + session.id + "/files/go", BodyPublishers.noBody()).status()).isEqualTo(201);
      JsonNode own = session.await(event -> event.path("event").asText().equals("session:turn:started")
          && !event.at("/data/messageId").isTextual()).path("data");
      LiveSession.assertSucceeded(session.ended(own));
      session.succeeds("play:hello say=next");
      assertThat(session.texts()).endsWith("I have used it.", "The scenario is over.", "Hello, next.");
      session.reloaded().close();
    }
  }
}
