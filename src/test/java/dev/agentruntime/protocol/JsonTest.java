package dev.agentruntime.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** What comes in, however deep it is nested, goes out. */
class JsonTest {

  private static final int AROUND = 20;

  private static String nested(int depth) {
    return "[".repeat(depth) + "]".repeat(depth);
  }

  @Test
  void whatIsReadCanBeWrittenWithinSomethingElse() throws IOException {
    int depth = 100;
    while (isRead(depth + 1)) {
      depth++;
    }
    JsonNode json = Json.tree(nested(depth));
    for (int i = 0; i < AROUND; i++) {
      json = Json.MAPPER.createArrayNode().add(json);
    }
    assertThat(Json.bytes(json)).hasSize(2 * (depth + AROUND));
    assertThatThrownBy(() -> Json.tree(nested(100_000))).isInstanceOf(IOException.class);
  }

  @Test
  void aTextOfAMillionValuesIsNotRead() throws IOException {
    assertThatThrownBy(() -> Json.tree("[" + "[],".repeat(500_000) + "0]")).isInstanceOf(IOException.class);
    assertThat(Json.tree("[" + "[],".repeat(400_000) + "0]")).hasSize(400_001);
    assertThat(Json.tree('"' + "x".repeat(20 << 20) + '"').asText()).hasSize(20 << 20);
  }

  private static boolean isRead(int depth) {
    try {
      return Json.tree(nested(depth)) != null;
    } catch (IOException e) {
      return false;
    }
  }
}
