package dev.agentruntime.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LineCutterTest {

  private final List<String> lines = new ArrayList<>();
  private final LineCutter cutter =
      new LineCutter((bytes, from, to) -> lines.add(new String(bytes, from, to - from, StandardCharsets.UTF_8)));

  @Test
  void findsTheSameLinesWhereverThePiecesEnd() {
    byte[] all = "one\n\ntwo ü\nno end".getBytes(StandardCharsets.UTF_8);
    for (int first = 0; first <= all.length; first++) {
      for (int second = first; second <= all.length; second++) {
        lines.clear();
        cutter.take(all, 0, first);
        cutter.take(all, first, second);
        cutter.take(all, second, all.length);
        assertThat(lines).containsExactly("one", "", "two ü");
        cutter.end();
        assertThat(lines).containsExactly("one", "", "two ü", "no end");
      }
    }
  }
}
