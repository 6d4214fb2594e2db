package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.agent.TranscriptFormat;
import dev.agentruntime.protocol.SessionSnapshot;
import io.vertx.core.buffer.Buffer;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ClaudeTranscriptsTest {

  private static final String SESSION = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427";

  private static Buffer calls(String... idsAndSeconds) {
    Buffer lines = Buffer.buffer();
    for (int i = 0; i < idsAndSeconds.length; i += 2) {
      lines.appendString("{\"type\":\"assistant\",\"uuid\":\"u" + i + "\",\"timestamp\":\"2026-01-01T00:00:" + idsAndSeconds[i + 1]
          + ".000Z\",\"message\":{\"id\":\"msg_" + idsAndSeconds[i] + "\",\"model\":\"m\",\"content\":[{\"type\":\"tool_use\",\"id\":\""
          + idsAndSeconds[i] + "\",\"name\":\"Agent\",\"input\":{\"prompt\":\"p\"}}]}}\n");
    }
    return lines;
  }

  private static Buffer meta(String toolUseId) {
    return Buffer.buffer("{\"toolUseId\":\"" + toolUseId + "\",\"agentType\":\"t\"}");
  }

  @Test
  void subagentsAreInTheOrderInWhichTheyWereCalledWhoeverCalledThem() {
    String folder = SESSION + "/subagents/agent-";
    TranscriptFormat.Conversations told = new ClaudeTranscripts().read(SESSION, Map.of(
        SESSION + ".jsonl", calls("first", "01", "third", "03", "fourth", "03"),
        folder + "d.jsonl", calls("second", "02"), folder + "d.meta.json", meta("first"),
        folder + "c.jsonl", calls(), folder + "c.meta.json", meta("second"),
        folder + "b.jsonl", calls(), folder + "b.meta.json", meta("third"),
        folder + "a.jsonl", calls(), folder + "a.meta.json", meta("fourth"),
        folder + "0.jsonl", calls(), folder + "0.meta.json", meta("of nobody")));
    assertThat(told.subagents()).extracting(SessionSnapshot.Subagent::id).containsExactly("first", "second", "third", "fourth", "of nobody");
  }
}
