package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Agents whose lines are longer than the setting allows: the turn ends, and what can be shown is. */
class LongLineIT extends SharedRuntime {

  private static final int LINE_BYTES = 20_000;

  @Override
  Map<String, String> settings() throws Exception {
    Path profiles = Files.createDirectory(directory.resolve("profiles"));
    profile(profiles, "demo", "demo");
    agent(profiles, "text", "printf '{\"result\":\"'; printf '%01000000d' 7; printf '\",\"type\":\"result\",\"is_error\":false}\\n'");
    agent(profiles, "numbers", "printf '{\"results\":['; seq -s, 1 100000 | tr -d '\\n'; printf '],\"type\":\"result\"}\\n'");
    return Map.of("AGENT_RUNTIME_PROFILES_DIR", profiles.toString(), "AGENT_RUNTIME_LIMITS_AGENT_LINE_BYTES", "" + LINE_BYTES,
        "AGENT_RUNTIME_SANDBOX_INTERRUPT_TIMEOUT_MS", "500", "AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", "16777216");
  }

  /** Says one line to its first message, and nothing ever after. */
  private static void agent(Path profiles, String id, String command) throws Exception {
    Path script = Files.writeString(directory.resolve(id + ".sh"), "read message\n" + command + "\nexec cat >/dev/null\n");
    profile(profiles, id, "/bin/sh\", \"" + script);
  }

  private static void profile(Path profiles, String id, String command) throws Exception {
    Files.writeString(profiles.resolve(id + ".json"), "{\"name\": \"" + id + "\", \"architecture\": \"claude-agent-sdk\", \"command\": [\""
        + command + "\"], \"environmentVariables\": {\"ANTHROPIC_API_KEY\": \"none\"}}");
  }

  private SessionEvent.TurnCompleted run(String text) {
    return follower.awaitTurn(runtime.send(session, text).turnId());
  }

  @Test
  void aTurnWhoseResultHasALongTextEnds() {
    open("text");
    assertThat(run("anything").outcome()).isEqualTo(TurnOutcome.SUCCESS);
  }

  @Test
  void aTurnWhoseResultCannotBeReadEndsAsAnErrorThatSaysSo() {
    open("numbers");
    SessionEvent.TurnCompleted failed = run("anything");
    assertThat(failed.outcome()).isEqualTo(TurnOutcome.ERROR);
    assertThat(failed.error()).isEqualTo("The agent wrote a line that is longer than the limit (588924 bytes; the setting limits.agentLineBytes).");
    assertThat(follower.fold().blocks()).last().isInstanceOf(Block.ErrorNote.class);
    follower.assertFoldIsSnapshot();
  }

  @Test
  void aLongAnswerIsShownWholeAndCounted() {
    assertThat(run("say 1000 deltas of 1000 bytes").outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks().getLast().text()).hasSize(1_000_000);
    assertThat(follower.fold().snapshot().usage().usage().outputTokens()).isPositive();
    follower.assertFoldIsSnapshot();
    assertThat(unloadAndFollow().fold().blocks()).isEqualTo(follower.start.blocks());
  }

  @Test
  void aCallWithALongInputIsShownWithItsBeginning() {
    assertThat(run("big 1 MB").outcome()).isEqualTo(TurnOutcome.SUCCESS);
    Block.ToolUse call = follower.fold().blocks().stream().filter(Block.ToolUse.class::isInstance).map(Block.ToolUse.class::cast)
        .findFirst().orElseThrow();
    assertThat(call.status()).isEqualTo(CallStatus.SUCCESS);
    assertThat(call.input().path("content").asText()).endsWith("…").hasSizeLessThan(LINE_BYTES);
    assertThat(follower.fold().files().values()).singleElement().satisfies(file -> assertThat(file.size()).isGreaterThan(1_000_000));
    follower.assertFoldIsSnapshot();
    assertThat(unloadAndFollow().fold().blocks()).isEqualTo(follower.start.blocks());
  }
}
