package dev.agentruntime.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class WellFormedTest {

  private static final Pattern ESCAPED_SURROGATE = Pattern.compile("\\\\u[dD]");

  @Provide
  Arbitrary<String> lines() {
    return Arbitraries.of("\\", "\\", "u", "d", "D", "\\ud", "x", "12345678").list().ofMaxSize(30).map((List<String> parts) -> String.join("", parts));
  }

  /** Also where the line begins and ends in the middle of a larger array. */
  @Property(tries = 2000)
  void aLineIsSuspectIfAnEscapeInItMayBeASurrogate(@ForAll("lines") String line) {
    byte[] around = ("\\ud" + line + "\\ud").getBytes(StandardCharsets.US_ASCII);
    assertThat(WellFormed.suspect(around, 3, around.length - 3)).isEqualTo(ESCAPED_SURROGATE.matcher(line).find());
  }

  @Property
  void textHasNoHalfOfAPairAndIsElseTheSame(@ForAll String text) {
    String fixed = WellFormed.text(text);
    assertThat(StandardCharsets.UTF_8.newEncoder().canEncode(fixed)).isTrue();
    assertThat(fixed).isEqualTo(text.replaceAll("(?<![\\uD800-\\uDBFF])[\\uDC00-\\uDFFF]|[\\uD800-\\uDBFF](?![\\uDC00-\\uDFFF])", "\uFFFD"));
  }
}
