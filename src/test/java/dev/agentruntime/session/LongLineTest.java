package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.agentruntime.protocol.Json;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** A long line is cut where its texts are long, and is JSON still. */
class LongLineTest {

  private static final int MAX_BYTES = 1024;
  private static final int CUT_BYTES = 256;
  private static final String[] PIECES = {"a", "ä", "…", "😀", "\"", "\\", "\n", "\u0001", "\\u", "}", ","};

  @Property(tries = 300)
  void onlyTheEndsOfLongTextsAreMissing(@ForAll Random random) throws Exception {
    ObjectNode line = Json.object().put("type", "result").put("is_error", false).put("number", 1.5);
    line.putObject("deep").putArray("list").add(text(random, 400)).add(text(random, 3)).addNull();
    line.put("result", text(random, 1000)).put(text(random, 300), "key").put("uuid", "3b896876-773b-4876-b46f-34a3d9d25e6a");
    byte[] bytes = random.nextBoolean() ? Json.bytes(line) : ascii(line);
    LongLine shortened = new LongLine(MAX_BYTES * 4);
    for (int from = 0; from < bytes.length; ) {
      int to = Math.min(bytes.length, from + 1 + random.nextInt(50));
      shortened.add(bytes, from, to);
      from = to;
    }
    assertThat(shortened.isTooLong()).isFalse();
    assertThat(shortened.length()).isEqualTo(bytes.length);
    assertShortened(line, Json.tree(shortened.shortened()));
  }

  private static String text(Random random, int most) {
    StringBuilder text = new StringBuilder();
    for (int left = random.nextInt(most + 1); left > 0; left--) {
      text.append(PIECES[random.nextInt(PIECES.length)]);
    }
    return text.toString();
  }

  /** As a writer does it that escapes whatever is not ASCII. */
  private static byte[] ascii(JsonNode line) {
    StringBuilder escaped = new StringBuilder();
    Json.text(line).chars().forEach(c -> escaped.append(c < 128 ? Character.toString(c) : String.format("\\u%04x", c)));
    return escaped.toString().getBytes(StandardCharsets.US_ASCII);
  }

  private static void assertShortened(JsonNode whole, JsonNode shortened) {
    switch (whole) {
      case TextNode text -> assertCut(text.asText(), shortened.asText());
      case ObjectNode object -> {
        assertThat(shortened.size()).isEqualTo(object.size());
        var fields = shortened.properties().iterator();
        object.properties().forEach(field -> {
          var other = fields.next();
          assertCut(field.getKey(), other.getKey());
          assertShortened(field.getValue(), other.getValue());
        });
      }
      case ArrayNode array -> {
        assertThat(shortened.size()).isEqualTo(array.size());
        for (int i = 0; i < array.size(); i++) {
          assertShortened(array.get(i), shortened.get(i));
        }
      }
      default -> assertThat(shortened).isEqualTo(whole);
    }
  }

  private static void assertCut(String whole, String shortened) {
    if (!shortened.equals(whole)) {
      assertThat(shortened).endsWith("…");
      String beginning = shortened.substring(0, shortened.length() - 1);
      assertThat(whole).startsWith(beginning);
      assertThat(beginning.length()).isBetween(CUT_BYTES / 6, CUT_BYTES);
    }
  }

  @Test
  void aLineOfManyShortTextsIsTooLongAndNotKept() {
    LongLine line = new LongLine(MAX_BYTES);
    byte[] piece = "[\"short\"],".getBytes(StandardCharsets.US_ASCII);
    for (int i = 0; i < 100_000; i++) {
      line.add(piece, 0, piece.length);
    }
    assertThat(line.isTooLong()).isTrue();
    assertThat(line.length()).isEqualTo(100_000L * piece.length);
    assertThat(line.shortened().length).isLessThanOrEqualTo(MAX_BYTES + 1);
  }
}
