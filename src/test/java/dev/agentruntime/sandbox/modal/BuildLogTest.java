package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BuildLogTest {

  private final BuildLog log = new BuildLog();

  @Test
  void aLineIsOneWhateverPiecesItComesIn() {
    assertThat(log.take("=> Step 0: FR")).isEmpty();
    assertThat(log.take("OM base\n\n=> Step 1: RUN x\r\n50 %\r100 %\rend")).extracting(BuildLog.Line::text)
        .containsExactly("=> Step 0: FROM base", "=> Step 1: RUN x", "50 %", "100 %");
    assertThat(log.take("\n")).singleElement().satisfies(line -> assertThat(line.isStep()).isFalse());
    assertThat(log.take("x".repeat(100_000))).as("without an end").hasSize(1).first().satisfies(line -> assertThat(line.shown()).hasSize(201));
  }

  @Test
  void theEndIsOfTheStepThatWasTheLast() {
    log.take("Building image im-1\n=> Step 0: FROM base\nof the first\n=> Step 1: RUN false\n\u001b[31mit is red\u001b[0m\nand has no end");
    assertThat(log.end()).isEqualTo(", at \"1: RUN false\". The end of its log:\nit is red\nand has no end");
  }

  @Test
  void theEndIsShort() {
    log.take("=> Step 0: RUN " + "x".repeat(1000) + "\n");
    IntStream.range(0, 1000).forEach(i -> log.take(i + " " + "y".repeat(1000) + "\n"));
    assertThat(log.end()).contains("\n999 yyy").doesNotContain("\n979 ").hasSizeLessThan(5000);
  }

  @Test
  void ofWhatSaidNothingThereIsNothingToTell() {
    assertThat(log.end()).isEmpty();
  }
}
