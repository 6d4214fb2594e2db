package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.sandbox.SandboxException;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Example;

/** What a supervisor says arrives in pieces of any size. */
class FrameReaderTest {

  private static final int MAGIC = 0x41525331;

  /** @param channel 0 for a message */
  record Frame(int channel, String header, String body) {}

  @Provide
  Arbitrary<List<Frame>> frames() {
    Arbitrary<String> words = Arbitraries.strings().alpha().ofMinLength(0).ofMaxLength(60);
    return Combinators.combine(Arbitraries.integers().between(0, 2), words, words)
        .as((channel, header, body) -> new Frame(channel, channel == 0 ? header : "", body)).list().ofMaxSize(8);
  }

  @Property(tries = 500)
  void sayTheSameHoweverTheyAreCut(@ForAll("frames") List<Frame> frames, @ForAll List<Integer> cuts) {
    Heard expected = new Heard();
    Buffer all = Buffer.buffer();
    for (int i = 0; i < frames.size(); i++) {
      Frame frame = frames.get(i);
      all.appendBuffer(bytes(i, frame));
      if (frame.channel == 0) {
        expected.message(Buffer.buffer(frame.header), Buffer.buffer(frame.body));
      } else {
        expected.output(frame.channel, Buffer.buffer(frame.body));
      }
    }
    Heard heard = new Heard();
    FrameReader reader = new FrameReader(heard);
    int from = 0;
    for (int cut = 0; from < all.length(); cut++) {
      int to = Math.min(all.length(), from + (cut < cuts.size() ? 1 + Math.floorMod(cuts.get(cut), 70) : all.length()));
      reader.take(all.getBuffer(from, to));
      from = to;
    }
    assertThat(heard.said).isEqualTo(expected.said);
  }

  @Example
  void outputIsHandedOutAsItArrives() {
    Heard heard = new Heard();
    Buffer frame = bytes(0, new Frame(7, "", "0123456789"));
    new FrameReader(heard).take(frame.getBuffer(0, frame.length() - 4));
    assertThat(heard.said).containsExactly("7: 012345");
  }

  @Example
  void whatIsMissingIsNoticed() {
    FrameReader reader = new FrameReader(new Heard());
    Frame frame = new Frame(1, "", "some");
    reader.take(bytes(0, frame));
    assertThatThrownBy(() -> reader.take(bytes(2, frame))).isInstanceOf(SandboxException.class).hasMessageContaining("gaps");
  }

  @Example
  void aFrameThatIsNoneIsNoticed() {
    for (Buffer frame : List.of(bytes(0, new Frame(1, "header", "body")), Buffer.buffer("not a supervisor at all"),
        bytes(0, new Frame(0, "", "")).setInt(16, -1))) {
      assertThatThrownBy(() -> new FrameReader(new Heard()).take(frame)).isInstanceOf(SandboxException.class).hasMessageContaining("gaps");
    }
  }

  private static Buffer bytes(int number, Frame frame) {
    return Buffer.buffer().appendInt(MAGIC).appendInt(number).appendInt(frame.channel).appendInt(frame.header.length())
        .appendInt(frame.body.length()).appendString(frame.header).appendString(frame.body);
  }

  /** Joins pieces of the same output that come one after the other. */
  private static final class Heard implements FrameReader.Sink {
    private final List<String> said = new ArrayList<>();
    private int last;

    @Override
    public void message(Buffer header, Buffer body) {
      said.add(header + " " + body);
      last = 0;
    }

    @Override
    public void output(int question, Buffer piece) {
      if (piece.length() > 0 && last == question) {
        said.add(said.removeLast() + piece);
      } else if (piece.length() > 0) {
        said.add(question + ": " + piece);
        last = question;
      }
    }
  }
}
