package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.WellFormed;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.RecordedOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** The pass over a delta's bytes sees what a whole parse sees, whatever the text, its escapes and the order of the fields. */
class ClaudeDeltaPropertiesTest {

  private static final ObjectMapper STRICT = new ObjectMapper()
      .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  @Provide
  Arbitrary<String> texts() {
    Arbitrary<Character> any = Arbitraries.oneOf(Arbitraries.chars().ascii(), Arbitraries.chars().all(),
        Arbitraries.of('"', '\\', '\n', '\u0000', '\u2028', '\ud83d', '\ude00', '{', '}', 'u'));
    return any.list().ofMaxSize(30).map(chars -> {
      StringBuilder text = new StringBuilder();
      chars.forEach(text::append);
      return text.toString();
    });
  }

  @Property(tries = 1000)
  void theScannerReadsWhatAWholeParseReads(@ForAll("texts") String text, @ForAll Random random, @ForAll boolean thinking)
      throws IOException {
    String line = line(text, 3, thinking, random);
    byte[] bytes = ("xx" + line + "yy").getBytes(StandardCharsets.UTF_8);
    DeltaScanner scanner = new DeltaScanner();
    assertThat(scanner.scan(bytes, 2, bytes.length - 2)).isTrue();
    JsonNode tree = STRICT.readTree(line);
    assertThat(scanner.index()).isEqualTo(3);
    assertThat(scanner.kind()).isEqualTo(thinking ? DeltaScanner.Kind.THINKING : DeltaScanner.Kind.TEXT);
    assertThat(scanner.text()).isEqualTo(tree.at("/event/delta/" + (thinking ? "thinking" : "text")).textValue());
    assertThat(scanner.messageId()).asString(StandardCharsets.UTF_8).isEqualTo("msg_1");
  }

  /** Lines with few differences, any of which may be the one that matters. */
  @Property(tries = 2000)
  void whatAScannerReadBeforeMakesNoDifference(@ForAll List<@From("texts") String> texts, @ForAll long shape, @ForAll Random random) {
    DeltaScanner scanner = new DeltaScanner();
    for (String text : texts) {
      String line = line(random.nextBoolean() ? "a" : text, random.nextInt(10) == 0 ? 1 : 0, random.nextInt(10) == 0,
          new Random(random.nextInt(10) == 0 ? 0 : shape));
      line = switch (random.nextInt(10)) {
        case 0 -> line.replace("msg_1", "msg_2");
        case 1 -> line.replace("tool_use_id\":null", "tool_use_id\":\"t\"");
        case 2 -> line + "x";
        case 3 -> line.replace("\"u\"", "\"\\\"u\"");
        case 4 -> line.replace("\"u\"", "\"\",\"type\":\"\"");
        case 5 -> line.replace("estimated_tokens\":3", "thinking\":\"" + random.nextInt(3) + "\"");
        case 6 -> line.replace("\"x\":true", "\"x\":false");
        default -> line.replace("\"u\"", "\"" + Integer.toHexString(random.nextInt()) + "\"");
      };
      byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
      DeltaScanner fresh = new DeltaScanner();
      boolean delta = fresh.scan(bytes, 0, bytes.length);
      assertThat(scanner.scan(bytes, 0, bytes.length)).isEqualTo(delta);
      if (delta) {
        assertThat(scanner.kind()).isEqualTo(fresh.kind());
        assertThat(scanner.index()).isEqualTo(fresh.index());
        assertThat(scanner.text()).isEqualTo(fresh.text());
        assertThat(scanner.messageId()).isEqualTo(fresh.messageId());
      }
    }
  }

  @Property(tries = 1000)
  void aLineCutOffIsNoDelta(@ForAll("texts") String text, @ForAll Random random) {
    byte[] bytes = line(text, 0, false, random).getBytes(StandardCharsets.UTF_8);
    assertThat(new DeltaScanner().scan(bytes, 0, random.nextInt(bytes.length))).isFalse();
  }

  @Property(tries = 2000)
  void whateverStandsThereNothingIsThrown(@ForAll byte[] bytes, @ForAll Random random, @ForAll("texts") String text) {
    new DeltaScanner().scan(bytes, 0, bytes.length);
    byte[] broken = line(text, 0, false, random).getBytes(StandardCharsets.UTF_8);
    for (byte b : bytes) {
      broken[random.nextInt(broken.length)] = b;
    }
    new RecordedOutput().parse(new ClaudeOutputParser(Clock.systemUTC()), broken);
  }

  @Property(tries = 1000)
  void deltasNeverEndWithinACharacterAndAddUpToTheText(@ForAll("texts") String text, @ForAll Random random,
                                                       @ForAll @IntRange(min = 1, max = 8) int pieces) {
    List<String> lines = new ArrayList<>();
    lines.add("{\"type\":\"stream_event\",\"event\":{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\"}},"
        + "\"parent_tool_use_id\":null,\"api_message_id\":\"msg_1\"}");
    lines.add("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
        + "\"text\":\"\"}},\"parent_tool_use_id\":null,\"api_message_id\":\"msg_1\"}");
    List<Integer> cuts = new ArrayList<>(List.of(0, text.length()));
    for (int i = 1; i < pieces; i++) {
      cuts.add(random.nextInt(text.length() + 1));
    }
    Collections.sort(cuts);
    for (int i = 1; i < cuts.size(); i++) {
      lines.add(line(text.substring(cuts.get(i - 1), cuts.get(i)), 0, false, random));
    }
    lines.add("{\"type\":\"assistant\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\""
        + escaped(text, random) + "\"}]},\"parent_tool_use_id\":null,\"uuid\":\"a\"}");
    RecordedOutput out = new RecordedOutput().parse(new ClaudeOutputParser(Clock.systemUTC()), String.join("\n", lines));
    EventFold fold = new EventFold();
    out.events.stream().filter(SessionEvent.BlockEvent.class::isInstance).forEach(fold::apply);
    assertThat(fold.open()).isEmpty();
    assertThat(fold.blocks()).singleElement().extracting(Block::text).isEqualTo(WellFormed.text(text));
  }

  /** A delta as the CLI might write it, with its fields in any order and any character of the text escaped or not. */
  private static String line(String text, int index, boolean thinking, Random random) {
    String piece = "\"" + escaped(text, random) + "\"";
    String delta = object(random, "\"type\":\"" + (thinking ? "thinking_delta" : "text_delta") + "\"",
        (thinking ? "\"thinking\":" : "\"text\":") + piece, "\"estimated_tokens\":3");
    String event = object(random, "\"type\":\"content_block_delta\"", "\"index\":" + index, "\"delta\":" + delta);
    return object(random, "\"type\":\"stream_event\"", "\"event\":" + event, "\"parent_tool_use_id\":null",
        "\"api_message_id\":\"msg_1\"", "\"uuid\":\"u\"", "\"more\":{\"type\":[1,{\"}\":\"]\"}],\"x\":true}", "\"n\":-1.5e3");
  }

  private static String object(Random random, String... fields) {
    List<String> shuffled = new ArrayList<>(List.of(fields));
    Collections.shuffle(shuffled, random);
    String space = random.nextBoolean() ? "" : " ";
    return "{" + space + String.join(space + "," + space, shuffled) + space + "}";
  }

  private static String escaped(String text, Random random) {
    StringBuilder json = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < 0x20 || Character.isSurrogate(c) || random.nextInt(8) == 0) {
        json.append(String.format(random.nextBoolean() ? "\\u%04x" : "\\u%04X", (int) c));
      } else if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else {
        json.append(c);
      }
    }
    return json.toString();
  }
}
