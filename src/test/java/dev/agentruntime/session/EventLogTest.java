package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.SessionEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class EventLogTest {

  private static Frame frame(long seq, int bytes) {
    return new Frame(seq, new SessionEvent.BlockDelta("main", "b", "x"), new byte[bytes]);
  }

  @Property(tries = 200)
  void aReaderGetsAllThatIsThereOrIsToldThatItIsNot(@ForAll List<@IntRange(min = 1, max = 400) Integer> sizes,
                                                    @ForAll @IntRange(min = 1, max = 5000) int maxBytes,
                                                    @ForAll @IntRange(min = -1, max = 60) int since,
                                                    @ForAll @IntRange(min = 1, max = 2000) int atOnce) {
    EventLog log = new EventLog("session", "epoch", maxBytes);
    IntStream.range(0, sizes.size()).forEach(i -> log.append(frame(i + 1, sizes.get(i))));
    assertThat(log.head()).isEqualTo(sizes.size());
    List<Frame> read = new ArrayList<>();
    long seq = since;
    boolean held = log.holdsAfter(seq);
    while (held && seq < log.head()) {
      List<Frame> some = new ArrayList<>();
      assertThat(log.read(seq, atOnce, some)).isTrue();
      assertThat(some).isNotEmpty();
      assertThat(some.subList(0, some.size() - 1).stream().mapToInt(frame -> frame.json().length).sum()).isLessThanOrEqualTo(atOnce);
      read.addAll(some);
      seq = some.getLast().seq();
    }
    if (held) {
      assertThat(read).extracting(Frame::seq).containsExactlyElementsOf(LongStream.rangeClosed(since + 1, log.head()).boxed().toList());
    } else {
      assertThat(log.read(since, atOnce, read)).isFalse();
      assertThat(read).isEmpty();
    }
    assertThat(sizes.isEmpty() || log.holdsAfter(log.head() - 1)).as("the newest is kept").isTrue();
  }

  @Test
  void gapsAreRefused() {
    EventLog log = new EventLog("session", "epoch", 1000);
    log.append(frame(1, 1));
    assertThatThrownBy(() -> log.append(frame(3, 1))).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void readersAreWokenForEachFrameOrForSomeTogether() {
    EventLog log = new EventLog("session", "epoch", 1 << 20);
    List<Long> wakings = new ArrayList<>();
    log.subscribe(() -> wakings.add(log.head()));
    log.append(frame(1, 1));
    log.append(frame(2, 1));
    assertThat(wakings).containsExactly(1L, 2L);
    log.gather();
    LongStream.rangeClosed(3, 500).forEach(seq -> log.append(frame(seq, 1)));
    List<Long> fewer = List.of(1L, 2L, 3L, 11L, 75L, 203L, 331L, 459L);
    assertThat(wakings).as("many are not held back to the end").isEqualTo(fewer);
    log.release();
    assertThat(wakings).hasSize(fewer.size() + 1).endsWith(500L);
    log.gather();
    log.release();
    assertThat(wakings).as("for nothing new").hasSize(fewer.size() + 1);
    log.append(frame(501, 1));
    assertThat(wakings).endsWith(500L, 501L);
  }

  @Test
  void readersOnOtherThreadsSeeEverythingInOrder() throws Exception {
    int frames = 50_000;
    EventLog log = new EventLog("session", "epoch", 64 << 20);
    List<CompletableFuture<Long>> readers = IntStream.range(0, 4).mapToObj(i -> CompletableFuture.supplyAsync(() -> {
      long seq = 0;
      List<Frame> some = new ArrayList<>();
      while (seq < frames) {
        some.clear();
        log.read(seq, 10_000, some);
        for (Frame frame : some) {
          if (frame.seq() != ++seq) {
            throw new AssertionError(frame.seq() + " after " + (seq - 1));
          }
        }
        Thread.onSpinWait();
      }
      return seq;
    })).toList();
    for (int i = 1; i <= frames; i++) {
      log.append(frame(i, 20));
    }
    for (CompletableFuture<Long> reader : readers) {
      assertThat(reader.get()).isEqualTo(frames);
    }
  }
}
