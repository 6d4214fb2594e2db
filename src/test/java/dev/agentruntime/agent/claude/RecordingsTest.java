package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentContract.Recording;
import dev.agentruntime.agent.TranscriptFormat.Conversations;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.RecordedOutput;
import dev.agentruntime.support.SavedTranscripts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the real CLI said and saved, in every recorded scenario: the stream gives the expected events, the transcript the same blocks as
 * the stream, and folding the events those blocks.
 *
 * <p>With {@code -Dgolden.update=true} the expected files are written anew, to be read before they are believed.
 */
class RecordingsTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/claude-code");
  private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-01-01T00:00:00Z"), ZoneOffset.UTC);

  /** The first block of a subagent that runs in the background: its prompt is not in the stream. */
  private static final int PROMPT_SAVED_ONLY = 1;

  /** What only the stream has: remarks, except the mark of a compaction, and errors that are in the result of a turn alone. */
  private static boolean isLiveOnly(Block block) {
    return block instanceof Block.SystemNote note && !note.message().equals("The conversation was compacted.")
        || block instanceof Block.ErrorNote error && error.code().equals("max_turns");
  }

  static Stream<String> scenarios() {
    return ClaudeRecordings.all().stream().map(Recording::name);
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void theStreamGivesTheExpectedEvents(String scenario) throws IOException {
    ArrayNode events = Json.MAPPER.createArrayNode();
    parsed(scenario).log.forEach(events::add);
    assertGolden(GOLDEN.resolve(scenario).resolve("events.json"), shortened(events));
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void theEventsFoldToTheExpectedBlocks(String scenario) throws IOException {
    EventFold fold = folded(scenario);
    assertThat(fold.open()).isEmpty();
    ObjectNode state = Json.object();
    state.set("blocks", Json.toTree(fold.blocks()));
    state.set("subagents", Json.toTree(fold.subagents()));
    assertGolden(GOLDEN.resolve(scenario).resolve("blocks.json"), shortened(state));
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void theTranscriptGivesTheSameBlocks(String scenario) {
    EventFold live = folded(scenario);
    Conversations saved = saved(scenario);

    assertThat(comparable(saved.main().stream().filter(block -> !(block instanceof Block.UserMessage))))
        .isEqualTo(comparable(live.blocks().stream().filter(block -> !isLiveOnly(block))));
    assertThat(saved.subagents()).hasSameSizeAs(live.subagents());
    for (int i = 0; i < saved.subagents().size(); i++) {
      SessionSnapshot.Subagent was = live.subagents().get(i);
      SessionSnapshot.Subagent is = saved.subagents().get(i);
      assertThat(is.id()).isEqualTo(was.id());
      assertThat(is.name()).isEqualTo(was.name());
      assertThat(is.status()).isEqualTo(was.status());
      assertThat(comparable(is.blocks().stream().skip(scenario.contains("background") ? PROMPT_SAVED_ONLY : 0)))
          .isEqualTo(comparable(was.blocks().stream()));
    }
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void theTranscriptHasTheUsersMessagesUnderTheirOwnIds(String scenario) throws IOException {
    List<String> sent = new ArrayList<>();
    for (String line : ClaudeRecordings.told(scenario)) {
      JsonNode json = Json.tree(line);
      if (json.path("type").asText().equals("user")) {
        sent.add(json.path("uuid").asText() + " " + json.path("message").path("content").asText());
      }
    }
    List<String> saved = saved(scenario).main().stream().filter(Block.UserMessage.class::isInstance).map(Block.UserMessage.class::cast)
        .map(message -> message.id() + " " + message.content().plainText()).toList();
    assertThat(saved).isEqualTo(sent);
    assertThat(parsed(scenario).taken).containsExactlyElementsOf(sent.stream().map(line -> line.split(" ")[0]).toList());
    assertThat(parsed(scenario).ends).filteredOn(end -> !end.unsolicited()).extracting(end -> end.messageId())
        .containsExactlyElementsOf(sent.stream().map(line -> line.split(" ")[0]).toList());
  }

  private static RecordedOutput parsed(String scenario) {
    RecordedOutput recorded = new RecordedOutput().parse(new ClaudeOutputParser(CLOCK), ClaudeRecordings.of(scenario).output());
    assertThat(recorded.unknown).isEmpty();
    return recorded;
  }

  private static EventFold folded(String scenario) {
    EventFold fold = new EventFold();
    parsed(scenario).events.forEach(fold::apply);
    return fold;
  }

  private static Conversations saved(String scenario) {
    Recording recording = ClaudeRecordings.of(scenario);
    return new ClaudeTranscripts().read(recording.sessionId(), SavedTranscripts.of(recording.transcripts()));
  }

  /** Blocks without what the saved ones cannot have: the moment at which a streamed block began. */
  private static List<JsonNode> comparable(Stream<Block> blocks) {
    return blocks.<JsonNode>map(block -> {
      ObjectNode tree = Json.toTree(block);
      return tree.without("timestamp");
    }).toList();
  }

  private static void assertGolden(Path file, JsonNode actual) throws IOException {
    String text = Json.MAPPER.writer().with(SerializationFeature.INDENT_OUTPUT).writeValueAsString(actual) + "\n";
    if (Boolean.getBoolean("golden.update")) {
      Files.createDirectories(file.getParent());
      Files.writeString(file, text);
    }
    assertThat(text).isEqualTo(Files.readString(file));
  }

  /** Runs of deltas and long texts are told by their length, so that a person can read the file. */
  private static JsonNode shortened(JsonNode node) {
    if (node.isTextual() && node.textValue().length() > 200) {
      String text = node.textValue();
      return Json.MAPPER.getNodeFactory().textNode(text.substring(0, 120) + "… (" + text.length() + " chars, hash " + text.hashCode() + ")");
    }
    if (node instanceof ArrayNode array) {
      ArrayNode copy = array.arrayNode();
      array.forEach(item -> copy.add(shortened(item)));
      return copy;
    }
    if (node instanceof ObjectNode object) {
      ObjectNode copy = object.objectNode();
      object.properties().forEach(field -> copy.set(field.getKey(), shortened(field.getValue())));
      return copy;
    }
    return node;
  }
}
