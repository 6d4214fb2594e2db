package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.agent.claude.ClaudeTranscripts;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.ScriptedClaude;
import dev.agentruntime.support.TestServer;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The real Claude Code CLI goes on with a summary where its conversation has grown too long, and the whole of it is still shown. */
class ClaudeCompactionIT {

  @RegisterExtension
  final ScriptedClaude claude = new ScriptedClaude();

  @TempDir
  Path directory;

  private TestServer server;

  @BeforeEach
  void start() {
    server = claude.server(directory);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void aCompactionIsShownAndNothingIsLost() throws Exception {
    try (LiveSession session = LiveSession.create(server.client(), "default")) {
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

  /** As a client reads them. */
  private static List<String> withoutTimes(List<Block> blocks) {
    return blocks.stream().map(block -> Json.text(block).replaceFirst("\"timestamp\":\"[^\"]*\"", "")).toList();
  }

  /** The blocks that the agent itself has saved. */
  private List<Block> transcript(String session) throws Exception {
    try (Stream<Path> files = Files.walk(directory.resolve("sandboxes"))) {
      Path file = files.filter(path -> path.endsWith(session + ".jsonl")).findFirst().orElseThrow();
      return new ClaudeTranscripts().read(session, Map.of(session + ".jsonl", Buffer.buffer(Files.readAllBytes(file)))).main();
    }
  }
}
