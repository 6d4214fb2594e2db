package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.ScriptedClaude;
import dev.agentruntime.support.TestServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What can go wrong with the real Claude Code CLI: what a client is shown of it, also after a reload, and that the next message goes on. */
@Execution(ExecutionMode.CONCURRENT)
class ClaudeTroubleIT extends ClaudeRig {

  private static final String GOES_ON = " Part of the work may be done, so the message is not run again; a new message continues from here.";

  /** The turn's error is the last block's, and shown once. */
  private static void assertFailed(LiveSession session, JsonNode turn, String code, String error) {
    assertThat(turn.path("outcome").asText()).isEqualTo("error");
    assertThat(turn.path("error").asText()).isEqualTo(error);
    assertThat(session.blocks(Block.ErrorNote.class)).singleElement().satisfies(note -> {
      assertThat(note.message()).isEqualTo(error);
      assertThat(note.code()).isEqualTo(code);
    });
    assertThat(session.fold.blocks()).last().isInstanceOf(Block.ErrorNote.class);
  }

  /** A reload shows the same, and the agent remembers. */
  private static void assertGoesOn(LiveSession session, String... remembered) {
    try (LiveSession later = session.reloaded()) {
      later.succeeds("play:history");
      assertThat(later.texts()).last().asString().contains(remembered);
      later.reloaded().close();
      later.unload();
    }
  }

  @Test
  void aThoughtIsInterrupted() {
    try (LiveSession session = session()) {
      session.succeeds("play:hello say=first");
      JsonNode accepted = session.say("play:slowthink");
      session.awaitBlock(data -> data.path("delta").asText().contains("t3 "));
      session.interrupt();
      assertThat(session.ended(accepted).path("outcome").asText()).isEqualTo("interrupted");
      assertThat(session.fold.blocks()).hasExactlyElementsOfTypes(Block.UserMessage.class, Block.AssistantText.class,
          Block.UserMessage.class, Block.Thinking.class);
      assertThat(session.fold.blocks().getLast().text()).startsWith("t0 t1 t2 t3 ").doesNotContain("t399");
      session.succeeds("play:hello say=again");
      assertGoesOn(session, "assistant: Hello, first.", "user: play:slowthink", "play:hello say=again", "assistant: Hello, again.");
    }
  }

  @Test
  void aRequestOverTheRateIsRepeatedAndThatIsShown() {
    try (LiveSession session = session()) {
      session.succeeds("play:limited");
      assertThat(claude.model().asked()).hasSize(2);
      assertThat(session.fold.blocks()).hasExactlyElementsOfTypes(Block.UserMessage.class, Block.SystemNote.class,
          Block.AssistantText.class);
      assertAgain(session.blocks(Block.SystemNote.class).getFirst(), 2, "429 (rate limit)");
      assertGoesOn(session, "assistant: Success after the limit.");
    }
  }

  @Test
  void aModelThatStaysOverloadedIsOneError() {
    try (LiveSession session = session()) {
      JsonNode turn = session.runs("play:overloaded fails=99");
      assertThat(claude.model().asked()).hasSize(3);
      assertFailed(session, turn, "server_error", "API Error: 529 Overloaded. This is a server-side issue, usually temporary — try again"
          + " in a moment. If it persists, check your inference gateway (" + claude.model().baseUrl().substring("http://".length()) + ").");
      assertThat(session.fold.blocks()).hasExactlyElementsOfTypes(Block.UserMessage.class, Block.SystemNote.class, Block.SystemNote.class,
          Block.ErrorNote.class);
      assertAgain(session.blocks(Block.SystemNote.class).get(0), 2, "529 (overloaded)");
      assertAgain(session.blocks(Block.SystemNote.class).get(1), 3, "529 (overloaded)");
      session.succeeds("play:hello say=after");
      assertGoesOn(session, "user: play:overloaded");
    }
  }

  private static void assertAgain(Block.SystemNote note, int attempt, String answer) {
    assertThat(note.subtype()).isEqualTo("status");
    assertThat(note.message()).matches(Pattern.quote("The model's API answered " + answer + "; attempt " + attempt + " of 3 follows in ")
        + "\\d+\\.\\d s\\.");
  }

  @Test
  void aRefusalIsAnError() {
    try (LiveSession session = session()) {
      JsonNode turn = session.runs("play:refuse");
      assertThat(claude.model().asked()).hasSize(2);
      assertFailed(session, turn, "invalid_request", turn.path("error").asText());
      assertThat(turn.path("error").asText()).startsWith("API Error: ").contains("safeguards flagged this message");
      assertThat(session.texts()).containsExactly("I will not");
      assertThat(session.blocks(Block.SystemNote.class)).singleElement().satisfies(note -> {
        assertThat(note.subtype()).isEqualTo("status");
        assertThat(note.message()).endsWith("safeguards stopped the response above · continuing once with that noted");
      });
      assertGoesOn(session, "user: play:refuse");
    }
  }

  @Test
  void theKilledAgentsTurnIsAnErrorAndTheNextMessageResumes() {
    try (LiveSession session = session()) {
      session.succeeds("play:hello say=first");
      JsonNode accepted = session.say("play:slow");
      session.awaitBlock(data -> data.path("delta").asText().contains("s3 "));
      kill(session, "play:slow");
      assertFailed(session, session.ended(accepted), null, "The agent ended before its turn did (exit code 137)." + GOES_ON);
      assertThat(session.texts()).last().asString().startsWith("s0 s1 s2 s3 ").doesNotContain("s399");

      session.succeeds("play:history");
      assertThat(session.texts()).last().asString().contains("user: play:hello say=first", "assistant: Hello, first.", "user: play:slow");
      assertThat(ScriptedClaude.processes(directory, session.id)).singleElement().asString().endsWith("--resume " + session.id + " ");
      assertThat(session.blocks(Block.ErrorNote.class)).hasSize(1);
      assertGoesOn(session, "assistant: Hello, first.");
    }
  }

  @Test
  void theKilledAgentsToolsEndWithIt() {
    String mark = "mark-" + UUID.randomUUID();
    SandboxTraces traces = new SandboxTraces(directory);
    try (LiveSession session = session()) {
      session.succeeds("play:hello say=first");
      JsonNode accepted = session.say("play:slowtool mark=" + mark);
      traces.awaitProcess(mark);
      kill(session, mark);
      assertFailed(session, session.ended(accepted), null, "The agent ended before its turn did (exit code 137)." + GOES_ON);
      assertThat(session.blocks(Block.ToolUse.class)).extracting(Block.ToolUse::status).containsExactly(CallStatus.ERROR);
      traces.awaitNoProcess(mark);

      session.succeeds("play:hello say=again");
      assertGoesOn(session, "assistant: Hello, first.", "user: play:slowtool mark=" + mark, "assistant: Hello, again.");
    }
  }

  /** Not before the agent itself has saved what it was told: what it has not is gone with it. */
  private void kill(LiveSession session, String told) {
    SandboxTraces.await(() -> saved(session).contains(told), () -> saved(session));
    List<String> agents = ScriptedClaude.processes(directory, session.id);
    assertThat(agents).hasSize(1);
    new SandboxTraces(directory).kill(agents.get(0));
  }

  /** The CLI's own transcript, in the sandbox. */
  private String saved(LiveSession session) {
    StringBuilder saved = new StringBuilder();
    for (Path sandbox : new SandboxTraces(directory).directories()) {
      try (Stream<Path> files = Files.find(sandbox.resolve("home"), 8, (file, facts) -> file.endsWith(session.id + ".jsonl"))) {
        for (Path file : files.toList()) {
          saved.append(Files.readString(file));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return saved.toString();
  }

  @Test
  void withoutAKeyTheTurnSaysWhatToDo() {
    assertCannotStart("ANTHROPIC_API_KEY", "", "Claude Code has no API key. Set ANTHROPIC_API_KEY in the server's environment (or in the"
        + " profile's environmentVariables), or use the profile \"demo\", which needs none.");
  }

  @Test
  void withoutTheCommandTheTurnSaysWhatToDo() {
    assertCannotStart("AGENT_RUNTIME_CLAUDE_COMMAND", directory.resolve("nowhere").toString(), "The executable that the setting claude.command"
        + " (AGENT_RUNTIME_CLAUDE_COMMAND) names does not exist or cannot be run. Correct the setting, or leave it empty to have Claude Code installed.");
  }

  private void assertCannotStart(String setting, String value, String error) {
    server.close();
    server = TestServer.start(directory, claude.settings(Map.of(setting, value)));
    String id;
    try (LiveSession session = session()) {
      id = session.id;
      assertFailed(session, session.runs("play:hello"), null, error);
      assertThat(session.fold.runtime().sandbox().statusMessage()).isEqualTo(error);
      assertThat(claude.model().asked()).isEmpty();
      session.reloaded().close();
    }
    server.close();
    server = claude.server(directory);
    try (LiveSession session = LiveSession.join(server.client(), id)) {
      session.succeeds("play:hello say=now");
      assertThat(session.texts()).containsExactly("Hello, now.");
      assertGoesOn(session, "assistant: Hello, now.");
    }
  }
}
