package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** However a store gives the bytes of a journal, its lines are those that were written. */
class StoredJournalTest {

  private static final String LINES = "{\"k\":\"interrupted\",\"turnId\":\"one\"}\n{\"k\":\"interrupted\",\"turnId\":\"zwö\"}\n"
      + "{\"k\":\"consumed\",\"processId\":\"p\",\"offset\":7}\n";
  private static final List<JournalEntry> ENTRIES = List.of(new JournalEntry.Interrupted("one"), new JournalEntry.Interrupted("zwö"),
      new JournalEntry.Consumed("p", 7));

  private int reads;

  private StoredJournal stored(String lines, int most) {
    Buffer bytes = Buffer.buffer(lines);
    return new StoredJournal((offset, length) -> {
      reads++;
      return bytes.getBuffer((int) offset, (int) Math.min(bytes.length(), offset + Math.min(most, length)));
    }, bytes.length());
  }

  private static List<JournalEntry> entries(StoredJournal journal) {
    List<JournalEntry> entries = new ArrayList<>();
    journal.forEach(entries::add);
    return entries;
  }

  @Test
  void linesAreWholeWhereverAPieceEnds() {
    for (int most = 1; most <= LINES.length() + 1; most++) {
      StoredJournal journal = stored(LINES, most);
      assertThat(entries(journal)).as("pieces of %d bytes", most).isEqualTo(ENTRIES);
      assertThat(entries(journal)).as("again").isEqualTo(ENTRIES);
    }
  }

  @Test
  void aLastLineWithoutItsEndIsLeftOut() {
    assertThat(entries(stored(LINES + "{\"k\":\"interrupted\",\"tu", 10))).isEqualTo(ENTRIES);
    assertThat(entries(stored("", 10))).isEmpty();
  }

  @Test
  void aSmallOneIsReadOnce() {
    StoredJournal journal = stored(LINES, Integer.MAX_VALUE);
    entries(journal);
    entries(journal);
    assertThat(reads).isOne();
  }

  @Test
  void oneThatIsShorterThanTheStoreSaysIsNotWaitedFor() {
    StoredJournal journal = new StoredJournal((offset, length) -> Buffer.buffer(), 10);
    assertThatThrownBy(() -> entries(journal)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatIsNoEntryIsAFailure() {
    assertThatThrownBy(() -> entries(stored("rubbish\n", 10))).hasMessageContaining("journal");
  }
}
