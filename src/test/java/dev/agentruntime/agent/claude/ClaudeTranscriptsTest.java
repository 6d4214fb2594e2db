package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.agent.TranscriptFormat;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.SavedTranscripts;
import io.vertx.core.buffer.Buffer;
import java.util.HashMap;
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

  private static void add(Map<String, Buffer> files, String agent, String toolUseId, Buffer lines) {
    String path = SESSION + "/subagents/agent-" + agent;
    files.put(path + ".jsonl", lines);
    files.put(path + ".meta.json", Buffer.buffer("{\"toolUseId\":\"" + toolUseId + "\",\"agentType\":\"t\"}"));
  }

  @Test
  void subagentsAreInTheOrderInWhichTheyWereCalledWhoeverCalledThem() {
    Map<String, Buffer> files = new HashMap<>(Map.of(SESSION + ".jsonl", calls("first", "01", "third", "03", "fourth", "03")));
    add(files, "d", "first", calls("second", "02"));
    add(files, "c", "second", calls());
    add(files, "b", "third", calls());
    add(files, "a", "fourth", calls());
    add(files, "0", "of nobody", calls());
    TranscriptFormat.Conversations told = new ClaudeTranscripts().read(SESSION, SavedTranscripts.of(files));
    assertThat(told.subagents()).extracting(SessionSnapshot.Subagent::id).containsExactly("first", "second", "third", "fourth", "of nobody");
  }
}
