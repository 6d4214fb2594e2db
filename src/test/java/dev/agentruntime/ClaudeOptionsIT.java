package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.ScriptedClaude;
import dev.agentruntime.support.ScriptedModel;
import io.vertx.core.json.JsonObject;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Session options that are changed between two turns of the real Claude Code CLI take effect on the next one. */
@Execution(ExecutionMode.CONCURRENT)
class ClaudeOptionsIT extends ClaudeRig {

  private ScriptedModel.Asked asks(LiveSession session, String say) {
    session.succeeds("play:hello say=" + say);
    return claude.model().lastAskedWith("say=" + say);
  }

  /** The process that runs for a session. */
  private String process(LiveSession session) {
    List<String> processes = ScriptedClaude.processes(directory, session.id);
    assertThat(processes).hasSize(1);
    return processes.getFirst();
  }

  @Test
  void aRunningAgentIsToldOfWhatItCanChange() {
    try (LiveSession session = session()) {
      String own = asks(session, "first").model();
      String process = process(session);

      session.options(Json.object().put("model", "claude-sonnet-4-5").put("maxThinkingTokens", 5000).put("effort", "low"));
      ScriptedModel.Asked asked = asks(session, "second");
      assertThat(asked.model()).isEqualTo("claude-sonnet-4-5");
      assertThat(asked.body().getJsonObject("thinking").getInteger("budget_tokens")).isEqualTo(5000);
      session.options(Json.object().putNull("model").putNull("maxThinkingTokens"));
      asked = asks(session, "third");
      assertThat(asked.model()).isEqualTo(own).isNotEqualTo("claude-sonnet-4-5");
      assertThat(asked.body().getJsonObject("output_config").getString("effort")).isEqualTo("low");
      session.options(Json.object().put("effort", "max"));
      assertThat(asks(session, "fourth").body().getJsonObject("output_config").getString("effort")).isEqualTo("max");

      session.options(Json.object().put("permissionMode", "plan"));
      session.succeeds("play:write file=planned.txt");
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::status).containsExactly(CallStatus.ERROR);
      assertThat(session.blocks(Block.SystemNote.class)).extracting(Block.SystemNote::message)
          .containsExactly("The call of Write was not allowed.");
      session.options(Json.object().putNull("permissionMode"));
      session.succeeds("play:write file=written.txt");
      assertThat(session.fold.files().keySet()).containsExactly("written.txt");

      assertThat(process(session)).isEqualTo(process);
      session.reloaded().close();
    }
  }

  @Test
  void theRestTakesANewProcessThatRemembers() {
    try (LiveSession session = session()) {
      assertThat(asks(session, "first").tools()).contains("Edit");
      Set<String> processes = new HashSet<>(Set.of(process(session)));

      session.options(Json.object().put("thinking", "disabled").put("model", "claude-sonnet-4-5"));
      assertThat(asks(session, "second").body().getJsonObject("thinking", new JsonObject()).getString("type", "disabled"))
          .isEqualTo("disabled");
      assertAnother(session, processes);

      ObjectNode options = Json.object().putNull("thinking").putNull("model").put("permissionMode", "default");
      options.putArray("allowedTools").add("Write");
      options.putArray("disallowedTools").add("Edit");
      options.putArray("betas").add("context-1m-2025-08-07");
      session.options(options);
      ScriptedModel.Asked asked = asks(session, "third");
      assertThat(asked.tools()).contains("Write").doesNotContain("Edit");
      assertThat(asked.betas()).contains("context-1m-2025-08-07");
      session.succeeds("play:write file=allowed.txt");
      assertThat(session.fold.files().keySet()).containsExactly("allowed.txt");
      assertAnother(session, processes);

      session.options(Json.object().put("fallbackModel", "claude-haiku-4-5"));
      session.succeeds("play:overloaded fails=3");
      assertThat(session.blocks(Block.AssistantText.class).getLast().model()).isEqualTo("claude-haiku-4-5");
      assertAnother(session, processes);

      session.options(Json.object().putNull("fallbackModel").put("maxTurns", 1));
      assertFails(session, "The agent stopped: the option maxTurns allows no more rounds.");
      assertAnother(session, processes);

      session.options(Json.object().putNull("maxTurns").put("maxBudgetUsd", 0.0001));
      assertFails(session, "The agent stopped: the option maxBudgetUsd allows no more cost.");
      assertAnother(session, processes);

      session.options(Json.object().putNull("maxBudgetUsd"));
      session.succeeds("play:history");
      assertThat(session.texts()).last().asString().contains("assistant: Hello, first.", "assistant: Hello, second.",
          "assistant: Hello, third.", "assistant: Success after overload.");
      session.reloaded().close();
    }
  }

  private static void assertFails(LiveSession session, String error) {
    JsonNode turn = session.runs("play:write file=again.txt");
    assertThat(turn.path("outcome").asText()).isEqualTo("error");
    assertThat(turn.path("error").asText()).isEqualTo(error);
    assertThat(session.blocks(Block.ErrorNote.class).getLast().message()).isEqualTo(error);
  }

  private void assertAnother(LiveSession session, Set<String> processes) {
    assertThat(processes.add(process(session))).as("a process of its own").isTrue();
    assertThat(process(session)).endsWith(" --resume " + session.id + " ");
  }
}
