package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClaudeOptionsTest {

  private static ObjectNode options(String json) {
    try {
      return (ObjectNode) Json.tree(json.replace('\'', '"'));
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  private static List<ObjectNode> requests(Buffer lines) {
    return Stream.of(lines.toString().split("\n")).map(line -> (ObjectNode) options(line).path("request")).toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{'model':'opus'}", "{'model':'us.anthropic.claude-opus-5-5-v1:0'}", "{'model':'claude-opus-5-5[1m]'}",
      "{'model':null}", "{'effort':'xhigh'}", "{'thinking':'disabled'}", "{'maxTurns':1}", "{'maxThinkingTokens':0}", "{'maxBudgetUsd':0.5}",
      "{'permissionMode':'plan'}", "{'autoCompactTokens':100000}", "{'betas':['context-1m-2025-08-07']}",
      "{'allowedTools':['Bash(git *)','Read']}", "{'disallowedTools':['mcp__x__*']}", "{'fallbackModel':'sonnet'}"})
  void takesWhatTheCliHas(String json) {
    assertThatCode(() -> ClaudeOptions.validate(options(json))).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(strings = {"{'model':''}", "{'model':'--help'}", "{'model':'a b'}", "{'model':5}", "{'model':'x\\n'}", "{'effort':'huge'}",
      "{'maxTurns':0}", "{'maxTurns':1.5}", "{'maxTurns':'3'}", "{'maxTurns':99999999999}", "{'maxBudgetUsd':0}", "{'maxBudgetUsd':-1}",
      "{'permissionMode':'none'}", "{'autoCompactTokens':99999}", "{'betas':'x'}", "{'betas':[]}", "{'betas':['--x']}",
      "{'allowedTools':['Bash;rm']}", "{'maxThinkingTokens':-1}", "{'Model':'opus'}", "{'systemPrompt':'x'}"})
  void refusesWhatItDoesNot(String json) {
    ObjectNode options = options(json);
    assertThatThrownBy(() -> ClaudeOptions.validate(options)).isInstanceOfSatisfying(ApiException.class, refusal -> {
      assertThat(refusal.code()).isEqualTo(ErrorCode.INVALID_REQUEST);
      assertThat(refusal.details()).singleElement().extracting(ApiException.Detail::path)
          .isEqualTo("/sessionOptions/" + options.fieldNames().next());
    });
  }

  @Test
  void tellsEverythingThatIsWrongAtOnce() {
    assertThatThrownBy(() -> ClaudeOptions.validate(options("{'a/b':1,'maxTurns':0,'model':'opus'}")))
        .isInstanceOfSatisfying(ApiException.class, refusal -> assertThat(refusal.details()).extracting(ApiException.Detail::path)
            .containsExactly("/sessionOptions/a~1b", "/sessionOptions/maxTurns"));
  }

  @Test
  void nothingIsAskedUnlessTheOptionsSaySo() {
    assertThat(ClaudeOptions.flags(options("{}"))).containsExactly("--dangerously-skip-permissions");
    assertThat(ClaudeOptions.flags(options("{'permissionMode':'default'}")))
        .containsExactly("--allow-dangerously-skip-permissions", "--permission-mode", "manual");
    assertThat(ClaudeOptions.flags(options("{'permissionMode':'plan'}")))
        .containsExactly("--allow-dangerously-skip-permissions", "--permission-mode", "plan");
  }

  @Test
  void everyOptionThatTheProcessTakesIsAFlag() {
    assertThat(ClaudeOptions.flags(options("{'model':'opus','fallbackModel':'sonnet','effort':'low','thinking':'disabled',"
        + "'maxThinkingTokens':5,'maxTurns':3,'maxBudgetUsd':0.5,'autoCompactTokens':100000,'betas':['a','b'],'allowedTools':['Read']}")))
        .containsExactly("--dangerously-skip-permissions", "--model", "opus", "--fallback-model", "sonnet", "--effort", "low",
            "--thinking", "disabled", "--max-thinking-tokens", "5", "--max-turns", "3", "--max-budget-usd", "0.5", "--autocompact",
            "100000", "--betas", "a", "b");
    assertThat(ClaudeOptions.flags(options("{'model':null}"))).doesNotContain("--model");
  }

  @Test
  void aRunningProcessIsToldOfWhatItCanChange() {
    assertThat(requests(ClaudeOptions.changed(options("{'model':'a','effort':'low'}"),
        options("{'model':'b','effort':'max','permissionMode':'plan','maxThinkingTokens':7}"))))
        .containsExactlyInAnyOrder(options("{'subtype':'set_model','model':'b'}"),
            options("{'subtype':'apply_flag_settings','settings':{'effortLevel':'max'}}"),
            options("{'subtype':'set_permission_mode','mode':'plan'}"),
            options("{'subtype':'set_max_thinking_tokens','max_thinking_tokens':7}"));
  }

  @Test
  void anOptionThatIsGoneIsSetBack() {
    assertThat(requests(ClaudeOptions.changed(options("{'model':'a','permissionMode':'plan','maxThinkingTokens':7}"), options("{}"))))
        .containsExactlyInAnyOrder(options("{'subtype':'set_model','model':null}"),
            options("{'subtype':'set_permission_mode','mode':'bypassPermissions'}"),
            options("{'subtype':'set_max_thinking_tokens','max_thinking_tokens':null}"));
    assertThat(ClaudeOptions.changed(options("{'model':null}"), options("{}"))).isEqualTo(Buffer.buffer());
  }

  @ParameterizedTest
  @ValueSource(strings = {"{'maxTurns':1}", "{'maxBudgetUsd':1}", "{'betas':['x']}", "{'thinking':'disabled'}", "{'fallbackModel':'x'}",
      "{'allowedTools':['Read']}", "{'disallowedTools':['Read']}", "{'autoCompactTokens':200000}"})
  void theRestNeedsANewProcess(String json) {
    assertThat(ClaudeOptions.changed(options("{}"), options(json))).isNull();
    assertThat(ClaudeOptions.changed(options(json), options("{}"))).isNull();
    assertThat(ClaudeOptions.changed(options(json), options(json))).isEqualTo(Buffer.buffer());
  }
}
