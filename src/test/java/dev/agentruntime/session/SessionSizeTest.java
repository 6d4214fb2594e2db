package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import org.junit.jupiter.api.Test;

/** Whatever becomes of blocks, what counts is what there is. */
class SessionSizeTest {

  private final SessionSize size = new SessionSize();
  private final Conversation conversation = new Conversation(size);

  private static Block call(ObjectNode input, CallStatus status) {
    return new Block.ToolUse("call", "now", "Write", "call", input, status, null, null);
  }

  @Test
  void aTextThatGrowsCountsAsTheWholeOneDoes() {
    Block.AssistantText text = new Block.AssistantText("text", "now", "", "model");
    conversation.start(text);
    long empty = size.bytes();
    conversation.append("text", "some ");
    conversation.append("text", "more");
    assertThat(size.bytes()).isEqualTo(empty + 9);
    conversation.complete(text.withText("some more"));
    assertThat(size.bytes()).isEqualTo(SessionSize.of(text.withText("some more"))).isEqualTo(empty + 9);
    conversation.append("text", "too late");
    assertThat(size.bytes()).isEqualTo(empty + 9);
  }

  @Test
  void aCallThatIsWithdrawnCountsAsItsIdAlone() {
    ObjectNode input = Json.object().put("content", "x".repeat(10_000));
    conversation.start(call(Json.object(), CallStatus.PENDING));
    conversation.update("call", Json.object().<ObjectNode>set("input", input).put("status", "running"));
    assertThat(size.bytes()).isEqualTo(SessionSize.of(call(input, CallStatus.RUNNING))).isGreaterThan(10_000);
    conversation.remove("call");
    assertThat(size.bytes()).isEqualTo(SessionSize.ofId("call")).isLessThan(200);
  }

  @Test
  void manySmallValuesCountForWhatTheyCost() {
    ObjectNode input = Json.object();
    for (int i = 0; i < 1_000; i++) {
      input.withArray("values").addArray();
    }
    assertThat(SessionSize.of(call(input, CallStatus.RUNNING)) - SessionSize.of(call(Json.object(), CallStatus.RUNNING)))
        .isGreaterThan(20L * input.toString().length());
  }
}
