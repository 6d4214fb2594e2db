package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.agent.claude.ClaudeTranscripts;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.SavedTranscripts;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The real Claude Code CLI goes on with a summary where its conversation has grown too long, and the whole of it is still shown. */
@Execution(ExecutionMode.CONCURRENT)
class ClaudeCompactionIT extends ClaudeRig {

  @Test
  void aCompactionIsShownAndNothingIsLost() throws Exception {
    try (LiveSession session = session()) {
      session.options(Json.object().put("autoCompactTokens", 100_000));
      session.succeeds("play:hello say=first");
      session.succeeds("play:large tokens=150000");
      List<Block> before = List.copyOf(session.fold.blocks());
      session.succeeds("play:hello say=next");

      assertThat(session.fold.blocks()).startsWith(before.toArray(Block[]::new));
      List<Block> added = session.fold.blocks().subList(before.size(), session.fold.blocks().size());
      assertThat(added).hasExactlyElementsOfTypes(Block.UserMessage.class, Block.SystemNote.class, Block.SystemNote.class,
          Block.AssistantText.class);
      assertThat(session.blocks(Block.SystemNote.class)).extracting(Block.SystemNote::subtype).containsOnly("status");
      assertThat(session.blocks(Block.SystemNote.class)).extracting(Block.SystemNote::message)
          .containsExactly("Compacting the conversation.", "The conversation was compacted.");
      Block.SystemNote compacted = session.blocks(Block.SystemNote.class).getLast();
      assertThat(compacted.metadata().path("trigger").asText()).isEqualTo("auto");
      assertThat(compacted.metadata().path("preTokens").asLong()).isGreaterThan(150_000);
      assertThat(compacted.metadata().path("postTokens").asLong()).isBetween(1L, 99_999L);
      assertThat(session.texts()).last().isEqualTo("Hello, next.");

      Block compacting = session.blocks(Block.SystemNote.class).getFirst();
      assertThat(withoutTimes(transcript(session.id)))
          .isEqualTo(withoutTimes(session.fold.blocks().stream().filter(block -> block != compacting).toList()));
      try (LiveSession later = session.reloaded()) {
        later.succeeds("play:history");
        assertThat(later.texts()).last().asString().contains("The summary says it all.", "assistant: Hello, next.")
            .doesNotContain("Hello, first.");
        later.reloaded().close();
      }
    }
  }

  /** With a conversation that is so long that it is compacted before the next message. */
  private LiveSession grown(int compactionStatus) {
    LiveSession session = session();
    session.options(Json.object().put("autoCompactTokens", 100_000));
    session.succeeds("play:hello say=first");
    session.succeeds("play:large tokens=150000 compaction=" + compactionStatus);
    return session;
  }

  private static void assertCouldNot(Block.SystemNote note, String why) {
    assertThat(note.subtype()).isEqualTo("error");
    assertThat(note.message()).startsWith("The conversation could not be compacted: " + why);
  }

  @Test
  void aCompactionThatFailsIsShownAndTheTurnGoesOn() {
    try (LiveSession session = grown(529)) {
      session.succeeds("play:hello say=next");
      assertThat(session.blocks(Block.SystemNote.class)).hasSize(2);
      assertThat(session.blocks(Block.SystemNote.class).getFirst().message()).isEqualTo("Compacting the conversation.");
      assertCouldNot(session.blocks(Block.SystemNote.class).getLast(), "API Error: 529 no summary, says the script.");
      assertThat(session.blocks(Block.ErrorNote.class)).isEmpty();
      assertThat(session.texts()).containsExactly("Hello, first.", "A long conversation.", "Hello, next.");
      try (LiveSession later = session.reloaded()) {
        later.succeeds("play:history");
        assertThat(later.texts()).last().asString().contains("assistant: Hello, first.", "assistant: Hello, next.");
      }
    }
  }

  @Test
  void aCompactionIsInterrupted() {
    try (LiveSession session = grown(529)) {
      JsonNode accepted = session.say("play:hello say=never");
      session.awaitBlock(data -> data.at("/block/message").asText().equals("Compacting the conversation."));
      session.interrupt();
      assertThat(session.ended(accepted).path("outcome").asText()).isEqualTo("interrupted");
      assertThat(session.blocks(Block.ErrorNote.class)).isEmpty();
      assertThat(session.texts()).containsExactly("Hello, first.", "A long conversation.");
      session.succeeds("play:hello say=again");
      assertThat(session.texts()).last().isEqualTo("Hello, again.");
      session.reloaded().close();
    }
  }

  @Test
  void whatIsTooLongForTheModelIsCompactedAndAskedAgain() {
    try (LiveSession session = session()) {
      session.succeeds("play:hello say=first");
      session.succeeds("play:toolong");
      assertThat(session.fold.blocks()).hasExactlyElementsOfTypes(Block.UserMessage.class, Block.AssistantText.class,
          Block.UserMessage.class, Block.SystemNote.class, Block.SystemNote.class, Block.AssistantText.class);
      assertThat(session.texts()).last().isEqualTo("Short enough.");
      session.reloaded().close();
    }
  }

  @Test
  void whatIsTooLongForTheModelAndCannotBeCompactedIsOneErrorThatSaysWhy() {
    try (LiveSession session = session()) {
      session.succeeds("play:hello say=first");
      session.succeeds("play:hello say=second compaction=529");
      JsonNode turn = session.runs("play:toolong");
      assertThat(turn.path("outcome").asText()).isEqualTo("error");
      assertThat(turn.path("error").asText()).startsWith("Prompt is too long · automatic compaction failed: API Error: 529 no summary");
      assertThat(session.blocks(Block.ErrorNote.class)).singleElement()
          .satisfies(note -> assertThat(note.message()).isEqualTo(turn.path("error").asText()));
      assertCouldNot(session.blocks(Block.SystemNote.class).getLast(), "API Error: 529 no summary, says the script.");
      session.succeeds("play:hello say=shorter");
      session.reloaded().close();
    }
  }

  /** As a client reads them. */
  private static List<String> withoutTimes(List<Block> blocks) {
    return blocks.stream().map(block -> Json.text(block).replaceFirst("\"timestamp\":\"[^\"]*\"", "")).toList();
  }

  /** The blocks that the agent itself has saved. */
  private List<Block> transcript(String session) throws Exception {
    try (Stream<Path> files = Files.walk(directory.resolve("sandboxes"))) {
      Path file = files.filter(path -> path.endsWith(session + ".jsonl")).findFirst().orElseThrow();
      return new ClaudeTranscripts().read(session, SavedTranscripts.of(Map.of(session + ".jsonl", Buffer.buffer(Files.readAllBytes(file))))).main();
    }
  }
}
