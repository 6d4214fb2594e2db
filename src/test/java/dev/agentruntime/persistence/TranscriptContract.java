package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.StoredSession.Transcript;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Transcripts grow at the end, byte for byte, and a repeated write does no harm. */
public interface TranscriptContract extends StoreUnderTest {

  @Test
  default void appends() {
    String id = create();
    append(id, "journal", 0, "one ");
    append(id, "journal", 4, "two ");
    append(id, "agent/main", 0, "other");
    append(id, "journal", 8, "three");

    assertThat(transcript(id, "journal")).isEqualTo("one two three");
    assertThat(transcript(id, "agent/main")).isEqualTo("other");
    assertThat(load(id).transcripts()).containsExactlyInAnyOrder(new Transcript("journal", 13), new Transcript("agent/main", 5));
  }

  @Test
  default void takesWhatIsStoredAsSavedBefore() {
    String id = create();
    append(id, "t", 0, "0123456789");
    append(id, "t", 0, "0123456789");
    append(id, "t", 0, "01234");
    append(id, "t", 9, "9");
    append(id, "t", 4, "456789abc");
    append(id, "t", 13, "d");
    append(id, "t", 0, "0123456789abcdef");

    assertThat(transcript(id, "t")).isEqualTo("0123456789abcdef");
    assertThat(load(id).transcripts()).containsExactly(new Transcript("t", 16));
  }

  @Test
  default void refusesAHole() {
    String id = create();
    refused(Kind.GAP, store().saveTranscript(id, EPOCH, "t", 1, bytes("x")));
    assertThat(load(id).transcripts()).isEmpty();
    refused(Kind.NOT_FOUND, store().readTranscript(id, "t", 0, 1));

    append(id, "t", 0, "abc");
    refused(Kind.GAP, store().saveTranscript(id, EPOCH, "t", 4, bytes("x")));
    refused(Kind.GAP, store().saveTranscript(id, EPOCH, "t", Long.MAX_VALUE - 1, bytes("x")));
    refused(Kind.GAP, store().saveTranscript(id, EPOCH, "t", 4, Buffer.buffer()));
    refused(Kind.INVALID, store().saveTranscript(id, EPOCH, "t", -1, bytes("x")));
    assertThat(transcript(id, "t")).isEqualTo("abc");
  }

  @Test
  default void anEmptyTranscriptIsThere() {
    String id = create();
    append(id, "appended", 0, "");
    await(store().replaceTranscript(id, EPOCH, "replaced", Buffer.buffer()));

    assertThat(load(id).transcripts()).containsExactlyInAnyOrder(new Transcript("appended", 0), new Transcript("replaced", 0));
    assertThat(transcript(id, "appended")).isEmpty();
    append(id, "appended", 0, "x");
    append(id, "replaced", 0, "y");
    append(id, "replaced", 1, "");
    assertThat(transcript(id, "appended") + transcript(id, "replaced")).isEqualTo("xy");
  }

  @Test
  default void readsRanges() {
    String id = create();
    Buffer all = randomBytes(100_000, 1);
    for (int at = 0; at < all.length(); at += 777) {
      await(store().saveTranscript(id, EPOCH, "t", at, all.getBuffer(at, Math.min(all.length(), at + 777))));
    }
    Random random = new Random(2);
    for (int i = 0; i < 200; i++) {
      int from = random.nextInt(all.length() + 10);
      int length = random.nextInt(5_000);
      Buffer expected = all.getBuffer(Math.min(from, all.length()), Math.min(from + length, all.length()));
      assertBytes(await(store().readTranscript(id, "t", from, length)), expected);
    }
    assertThat(await(store().readTranscript(id, "t", 100_000, 1)).length()).isZero();
    assertThat(await(store().readTranscript(id, "t", Long.MAX_VALUE, Integer.MAX_VALUE)).length()).isZero();
    assertThat(await(store().readTranscript(id, "t", 5, 0)).length()).isZero();
    refused(Kind.INVALID, store().readTranscript(id, "t", -1, 1));
    refused(Kind.INVALID, store().readTranscript(id, "t", 0, -1));
  }

  @Test
  default void saysThatATranscriptIsNotThere() {
    String id = create();
    append(id, "t", 0, "x");
    refused(Kind.NOT_FOUND, store().readTranscript(id, "T", 0, 1));
    refused(Kind.NOT_FOUND, store().readWorkspaceFile(id, "t", 0, 1));
  }

  @Test
  default void replacesTheWhole() {
    String id = create();
    append(id, "t", 0, "a long old text");
    Buffer given = bytes("new");
    await(store().replaceTranscript(id, EPOCH, "t", given));
    await(store().replaceTranscript(id, EPOCH, "t", given));
    given.setString(0, "xyz");
    assertThat(transcript(id, "t")).isEqualTo("new");

    append(id, "t", 3, "er");
    refused(Kind.GAP, store().saveTranscript(id, EPOCH, "t", 15, bytes("x")));
    assertThat(transcript(id, "t")).isEqualTo("newer");
    assertThat(load(id).transcripts()).containsExactly(new Transcript("t", 5));
  }

  @Test
  default void readersOfATranscriptSeeTheOldOrTheNew() {
    String id = create();
    readersSeeTheOldOrTheNew(bytes -> store().replaceTranscript(id, EPOCH, "t", bytes),
        () -> store().readTranscript(id, "t", 0, Integer.MAX_VALUE),
        () -> store().inspectSession(id).map(session -> session.orElseThrow().transcripts().getFirst().length()));
  }

  @Test
  default void bytesAreBytes() {
    String id = create();
    Buffer every = Buffer.buffer();
    for (int i = 0; i < 256; i++) {
      every.appendByte((byte) i);
    }
    Buffer given = every.copy();
    await(store().saveTranscript(id, EPOCH, "t", 0, given));
    await(store().saveTranscript(id, EPOCH, "t", 256, Buffer.buffer(new byte[] {0, 0, (byte) 0xff, (byte) 0xc3})));
    given.setByte(0, (byte) 99);
    await(store().readTranscript(id, "t", 0, 300)).setByte(1, (byte) 99);

    assertBytes(await(store().readTranscript(id, "t", 0, 300)), every.copy().appendBytes(new byte[] {0, 0, (byte) 0xff, (byte) 0xc3}));
  }

  @Test
  default void growsBySmallAppendsAsByOne() {
    String id = create();
    Buffer all = randomBytes(1_000_000, 3);
    Random random = new Random(4);
    int at = 0;
    while (at < all.length()) {
      int end = Math.min(all.length(), at + 1 + random.nextInt(2_000));
      int from = Math.max(0, at - random.nextInt(100));
      await(store().saveTranscript(id, EPOCH, "t", from, all.getBuffer(from, end)));
      at = end;
    }
    assertBytes(await(store().readTranscript(id, "t", 0, Integer.MAX_VALUE)), all);
    assertThat(load(id).transcripts()).containsExactly(new Transcript("t", all.length()));
    assertBytes(await(store().readTranscript(id, "t", 300_000, 200_000)), all.getBuffer(300_000, 500_000));
  }

  @Test
  default void takesFiftyMegabytes() {
    String id = create();
    Buffer all = randomBytes(50 * 1024 * 1024, 5);
    int half = 25 * 1024 * 1024 + 1;
    await(store().saveTranscript(id, EPOCH, "t", 0, all.getBuffer(0, half)));
    await(store().saveTranscript(id, EPOCH, "t", half - 10, all.getBuffer(half - 10, all.length())));

    assertThat(load(id).transcripts()).containsExactly(new Transcript("t", all.length()));
    int piece = 8 * 1024 * 1024 + 7;
    for (int at = 0; at < all.length(); at += piece) {
      assertBytes(await(store().readTranscript(id, "t", at, piece)), all.getBuffer(at, Math.min(all.length(), at + piece)));
    }
    await(store().deleteSession(id, EPOCH));
  }

  @Test
  default void sessionsAreWrittenConcurrently() {
    int sessions = 200;
    int appends = 20;
    List<Future<Void>> writers = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    for (int s = 0; s < sessions; s++) {
      String id = create();
      ids.add(id);
      writers.add(appendInTurn(id, 0, appends));
    }
    await(Future.all(writers));

    for (String id : ids) {
      String expected = "";
      for (int i = 0; i < appends; i++) {
        expected += id + i + ";";
      }
      assertThat(transcript(id, "t")).isEqualTo(expected);
    }
  }

  private Future<Void> appendInTurn(String id, int turn, int turns) {
    if (turn == turns) {
      return Future.succeededFuture();
    }
    long offset = 0;
    for (int i = 0; i < turn; i++) {
      offset += (id + i + ";").length();
    }
    return store().saveTranscript(id, EPOCH, "t", offset, bytes(id + turn + ";")).compose(saved -> appendInTurn(id, turn + 1, turns));
  }
}
