package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.RecordedOutput;
import dev.agentruntime.support.SavedTranscripts;
import io.vertx.core.buffer.Buffer;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * Whatever the model's messages are made of, streamed, whole or broken off, the blocks that are shown of them are those that are read from
 * what is saved of them: the same, in the same order, under the same ids.
 */
class ClaudeSavedPropertiesTest {

  private static final String SESSION = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427";
  private static final String MESSAGE = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  private static final String TIME = "2026-01-01T00:00:00.000Z";

  /** The CLI, as far as it goes: what it says and, beside that, saves. */
  private static final class Cli {
    final Random random;
    final StringBuilder said = new StringBuilder();
    final StringBuilder saved = new StringBuilder();
    final List<String> running = new ArrayList<>();

    Cli(Random random) {
      this.random = random;
    }

    /** A half of a character is escaped: a piece may end in the middle of one. */
    void say(ObjectNode line) {
      line.toString().chars().forEach(c ->
          said.append(Character.isSurrogate((char) c) ? String.format("\\u%04x", c) : Character.toString(c)));
      said.append('\n');
    }

    void save(ObjectNode line) {
      saved.append(line).append('\n');
    }

    void turn() {
      say(Json.object().put("type", "command_lifecycle").put("command_uuid", MESSAGE).put("state", "started"));
      for (int left = 1 + random.nextInt(4); left > 0; left--) {
        switch (random.nextInt(6)) {
          case 0 -> apiError();
          case 1 -> whole(entries());
          case 2 -> brokenOff();
          default -> streamed(entries());
        }
        results();
      }
      while (!running.isEmpty()) {
        results();
      }
      say(Json.object().put("type", "result").put("subtype", "success").put("is_error", false).put("user_message_uuid", MESSAGE));
    }

    List<ObjectNode> entries() {
      List<ObjectNode> entries = new ArrayList<>();
      for (int left = 1 + random.nextInt(4); left > 0; left--) {
        entries.add(switch (random.nextInt(4)) {
          case 0 -> Json.object().put("type", "thinking").put("thinking", text()).put("signature", "s");
          case 1 -> Json.object().put("type", "redacted_thinking").put("data", "x");
          case 2 -> Json.object().put("type", "tool_use").put("id", "toolu_" + UUID.randomUUID()).put("name", "Bash")
              .set("input", Json.object().put("command", text()));
          default -> Json.object().put("type", "text").put("text", text());
        });
      }
      return entries;
    }

    String text() {
      return List.of("a", "two words", "", "ä 😀\n\"", "x".repeat(300)).get(random.nextInt(5));
    }

    ObjectNode assistant(String id, List<ObjectNode> content) {
      ObjectNode line = Json.object().put("type", "assistant").put("uuid", UUID.randomUUID().toString()).put("timestamp", TIME);
      ObjectNode message = line.putObject("message").put("id", id).put("role", "assistant").put("model", "m");
      ArrayNode entries = message.putArray("content");
      content.forEach(entries::add);
      return line;
    }

    void both(ObjectNode line, int index) {
      say(line.deepCopy().putNull("parent_tool_use_id"));
      save(line.put("apiBlockIndex", index));
      line.at("/message/content").forEach(entry -> {
        if (entry.path("type").asText().equals("tool_use")) {
          running.add(entry.path("id").asText());
        }
      });
    }

    void event(String id, ObjectNode event) {
      ObjectNode line = Json.object().put("type", "stream_event").put("api_message_id", id).putNull("parent_tool_use_id");
      line.set("event", event);
      say(line);
    }

    void start(String id) {
      ObjectNode event = Json.object().put("type", "message_start");
      event.putObject("message").put("id", id).put("model", "m").putArray("content");
      event(id, event);
    }

    /** A block's start and its pieces. */
    void stream(String id, int index, ObjectNode entry) {
      String type = entry.path("type").asText();
      ObjectNode first = entry.deepCopy();
      first.without(List.of("text", "thinking", "signature"));
      boolean isText = type.equals("text") || type.equals("thinking");
      if (isText) {
        first.put(type, "");
      } else if (type.equals("tool_use")) {
        first.set("input", Json.object());
      }
      event(id, Json.object().put("type", "content_block_start").put("index", index).set("content_block", first));
      String text = isText ? entry.path(type).asText() : "";
      for (int from = 0; from < text.length(); ) {
        int to = Math.min(text.length(), from + 1 + random.nextInt(40));
        ObjectNode delta = Json.object().put("type", type + "_delta").put(type, text.substring(from, to));
        event(id, Json.object().put("type", "content_block_delta").put("index", index).set("delta", delta));
        from = to;
      }
    }

    void streamed(List<ObjectNode> entries) {
      String id = "msg_" + UUID.randomUUID();
      start(id);
      for (int i = 0; i < entries.size(); i++) {
        stream(id, i, entries.get(i));
        both(assistant(id, List.of(entries.get(i))), i);
        if (random.nextInt(3) == 0) {
          results();
        }
        event(id, Json.object().put("type", "content_block_stop").put("index", i));
      }
      event(id, Json.object().put("type", "message_stop"));
    }

    /** As after an error in the middle of a stream. */
    void whole(List<ObjectNode> entries) {
      both(assistant("msg_" + UUID.randomUUID(), entries), 0);
    }

    /** Some blocks are whole, the next is not, and nothing of it is saved. */
    void brokenOff() {
      String id = "msg_" + UUID.randomUUID();
      start(id);
      List<ObjectNode> entries = entries();
      int whole = random.nextInt(entries.size());
      for (int i = 0; i < whole; i++) {
        stream(id, i, entries.get(i));
        both(assistant(id, List.of(entries.get(i))), i);
      }
      stream(id, whole, entries.get(whole));
      ObjectNode stop = Json.object().put("type", "stream_event").put("api_message_id", id).putNull("parent_tool_use_id");
      stop.putObject("event").put("type", "message_stop");
      stop.putObject("abandoned_blocks").put("api_message_id", id).put("from_block_index", whole);
      say(stop);
    }

    void apiError() {
      ObjectNode line = assistant(UUID.randomUUID().toString(), List.of(Json.object().put("type", "text").put("text", "API Error")));
      ((ObjectNode) line.get("message")).put("model", "<synthetic>");
      say(line.deepCopy().put("is_api_error_message", true).put("error", "unknown").putNull("parent_tool_use_id"));
      save(line.put("isApiErrorMessage", true).put("error", "unknown"));
    }

    /** Of some of the calls that run, in any order. */
    void results() {
      for (int left = random.nextInt(running.size() + 1); left > 0; left--) {
        ObjectNode line = Json.object().put("type", "user").put("uuid", UUID.randomUUID().toString()).put("timestamp", TIME);
        line.putObject("message").put("role", "user").putArray("content").addObject().put("type", "tool_result")
            .put("tool_use_id", running.remove(random.nextInt(running.size()))).put("content", text()).put("is_error", random.nextBoolean());
        say(line.deepCopy().putNull("parent_tool_use_id").put("tool_use_result", "r"));
        save(line.put("toolUseResult", "r"));
      }
    }
  }

  private static List<JsonNode> withoutTimes(List<Block> blocks) {
    return blocks.stream().<JsonNode>map(block -> {
      ObjectNode tree = Json.toTree(block);
      return tree.without("timestamp");
    }).toList();
  }

  @Property(tries = 500)
  void whatIsShownIsWhatIsSaved(@ForAll Random random) {
    Cli cli = new Cli(random);
    cli.turn();
    RecordedOutput output = new RecordedOutput().parse(new ClaudeOutputParser(Clock.systemUTC()), cli.said.toString());
    EventFold live = new EventFold();
    output.events.forEach(live::apply);
    assertThat(output.unknown).isEmpty();
    assertThat(output.ends).hasSize(1);
    assertThat(live.open()).isEmpty();
    assertThat(withoutTimes(new ClaudeTranscripts().read(SESSION, SavedTranscripts.of(Map.of(SESSION + ".jsonl", Buffer.buffer(cli.saved.toString())))).main()))
        .isEqualTo(withoutTimes(live.blocks()));
  }
}
