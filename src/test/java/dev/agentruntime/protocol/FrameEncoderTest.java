package dev.agentruntime.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;

/** Deltas are written by hand: what comes out is the JSON that a library writes of the same event. */
class FrameEncoderTest {

  private final FrameEncoder encoder = new FrameEncoder("session \"1\"");

  @Property
  void aDeltaIsWrittenAsALibraryWouldWriteIt(@ForAll @Size(max = 4) List<String> texts, @ForAll String block) throws Exception {
    for (String text : texts) {
      assertIsAsTheLibraryWritesIt(7, new SessionEvent.BlockDelta("main", WellFormed.text(block), WellFormed.text(text)));
    }
  }

  @Property
  void numbersAreRightWhateverCameBefore(@ForAll @Size(max = 6) List<@LongRange(min = 0) Long> starts) throws Exception {
    for (long start : starts) {
      for (long seq = start; seq >= start && seq < start + 3; seq++) {
        assertIsAsTheLibraryWritesIt(seq, new SessionEvent.BlockDelta("main", "b", "text"));
      }
    }
  }

  @Example
  void eachNumberIsOneMore() throws Exception {
    for (long seq = 0; seq < 12_000; seq++) {
      assertThat(Json.tree(encoder.encode(seq, new SessionEvent.BlockDelta("main", "b", "text")).json()).path("seq").asLong()).isEqualTo(seq);
    }
  }

  @Example
  void anyOtherEventHasItsFields() throws Exception {
    for (SessionEvent event : List.of(new SessionEvent.TurnStarted("turn", "message"), new SessionEvent.BlockRemoved("main", "b \u00e9\u20ac"),
        new SessionEvent.FileDeleted("a/b"))) {
      assertIsAsTheLibraryWritesIt(7, event);
    }
  }

  private void assertIsAsTheLibraryWritesIt(long seq, SessionEvent event) throws Exception {
    ByteArrayOutputStream byLibrary = new ByteArrayOutputStream();
    FrameEncoder.write("session \"1\"", seq, event, byLibrary);
    JsonNode expected = Json.tree(byLibrary.toByteArray());
    assertThat((ObjectNode) Json.tree(encoder.encode(seq, event).json())).isEqualTo(expected);
  }
}
