package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.buffer.Buffer;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** What is kept while the store is away, and when it is asked again. */
class OutageTest {

  @Property
  void pausesGrowUpToTheLongestAndAreNotAllTheSame(@ForAll @IntRange(min = 1, max = 100) int attempts,
                                                   @ForAll @IntRange(min = 500, max = 60_000) int longest) {
    Outage outage = new Outage(null, null, longest);
    long pause = Math.min(longest, Outage.FIRST_PAUSE_MS << Math.min(attempts - 1, 10));
    List<Long> pauses = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      pauses.add(outage.pauseMs(attempts));
    }
    assertThat(pauses).allSatisfy(each -> assertThat(each).isBetween(pause / 2, pause));
    assertThat(pauses.stream().distinct()).hasSizeGreaterThan(1);
  }

  @Property
  void theJournalIsGivenInWholeLines(@ForAll @Size(min = 1, max = 30) List<@IntRange(min = 0, max = 300) Integer> lengths,
                                     @ForAll @IntRange(min = 1, max = 400) int piece) {
    AtomicLong all = new AtomicLong();
    Journal journal = new Journal(Clock.systemUTC(), new Backlog(all, 1, 1));
    lengths.forEach(length -> journal.write(new JournalEntry.Withdrawn("x".repeat(length))));
    Buffer expected = journal.pending(Integer.MAX_VALUE);
    assertThat(all.get()).isEqualTo(expected.length());
    Buffer given = Buffer.buffer();
    while (journal.hasPending()) {
      Buffer lines = journal.pending(piece);
      assertThat(lines.getByte(lines.length() - 1)).isEqualTo((byte) '\n');
      assertThat(lines.length() <= piece || lines.toString().indexOf('\n') == lines.length() - 1).isTrue();
      given.appendBuffer(lines);
      journal.stored(lines.length());
    }
    assertThat(given).isEqualTo(expected);
    assertThat(all.get()).isZero();
  }

  @Test
  void whoHasNothingToSaveDoesNotWaitForThoseWhoHave() {
    AtomicLong all = new AtomicLong();
    Backlog full = new Backlog(all, 10, 15);
    Backlog other = new Backlog(all, 10, 15);
    full.add(10);
    assertThat(full.isFull()).isFalse();
    full.add(1);
    assertThat(full.isFull()).isTrue();
    other.add(5);
    assertThat(other.isFull()).as("all together have too much").isTrue();
    other.add(-5);
    assertThat(other.isFull()).isFalse();
    full.close();
    full.add(100);
    assertThat(all.get()).as("a session that has gone is not counted").isZero();
  }
}
