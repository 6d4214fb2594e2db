package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Records are kept as they are given; and sessions, once erased, stay erased. */
public interface RecordContract extends StoreUnderTest {

  List<String> INJECTIONS = List.of(
      "'; DROP TABLE session; --",
      "\" OR \"\"=\"", "x' OR '1'='1", "$1", "?", ":name", "%", "_", "../../etc/passwd", "\\", "{\"$ne\":null}", "a\nb",
      "a\u0000b", "\u0001\u0000\u0002", " ", "\t", "\u00e9e\u0301", "");

  @Test
  default void givesBackEveryFieldOfARecord() {
    SessionRecord record = full(UUID.randomUUID().toString());
    await(store().createSessionRecord(record, EPOCH));

    assertThat(await(store().findSession(record.sessionId()))).contains(record);
    assertThat(load(record.sessionId())).isEqualTo(new StoredSession(record, List.of(), List.of()));
  }

  @Test
  default void keepsApartWhatIsNullAndWhatIsEmpty() {
    SessionRecord bare = new SessionRecord(UUID.randomUUID().toString(), "t", "p", null, 0, 0, Json.object(), null, null);
    SessionRecord empty = new SessionRecord(UUID.randomUUID().toString(), "t", "p", "", 0, 0, Json.object(), Json.object(), Json.object());
    await(store().createSessionRecord(bare, EPOCH));
    await(store().createSessionRecord(empty, EPOCH));

    assertThat(await(store().findSession(bare.sessionId()))).contains(bare);
    assertThat(await(store().findSession(empty.sessionId()))).contains(empty);
  }

  @Test
  default void keepsTimesThatClocksShouldNotShow() {
    for (long time : new long[] {Long.MIN_VALUE, -1, 0, Integer.MAX_VALUE + 1L, Long.MAX_VALUE}) {
      SessionRecord record = record(UUID.randomUUID().toString(), time);
      await(store().createSessionRecord(record, EPOCH));
      assertThat(await(store().findSession(record.sessionId()))).contains(record);
      await(store().deleteSession(record.sessionId(), EPOCH));
    }
  }

  @Test
  default void replacesTheWholeRecord() {
    SessionRecord before = full(UUID.randomUUID().toString());
    await(store().createSessionRecord(before, EPOCH));
    SessionRecord after = record(before.sessionId(), 7);
    await(store().updateSessionRecord(after, EPOCH));
    await(store().updateSessionRecord(after, EPOCH));

    assertThat(await(store().findSession(before.sessionId()))).contains(after);
  }

  @Test
  default void keepsItsOwnCopyOfTheTrees() {
    SessionRecord record = full(UUID.randomUUID().toString());
    await(store().createSessionRecord(record, EPOCH));
    record.sessionOptions().put("changed", "afterwards");
    await(store().findSession(record.sessionId())).orElseThrow().metadata().put("changed", "afterwards");

    assertThat(await(store().findSession(record.sessionId()))).contains(full(record.sessionId()));
  }

  @Test
  default void refusesASecondSessionOfTheSameId() {
    SessionRecord record = full(UUID.randomUUID().toString());
    await(store().createSessionRecord(record, EPOCH));

    refused(Kind.CONFLICT, store().createSessionRecord(record, "epoch-2"));
    refused(Kind.CONFLICT, store().createSessionRecord(record(record.sessionId()), EPOCH));
    assertThat(await(store().findSession(record.sessionId()))).contains(record);
    await(store().updateSessionRecord(record, EPOCH));
  }

  @Test
  default void acceptsTheSameCreationAgain() {
    SessionRecord record = full(UUID.randomUUID().toString());
    await(store().createSessionRecord(record, EPOCH));
    await(store().createSessionRecord(record, EPOCH));

    await(store().deleteSession(record.sessionId(), EPOCH));
    assertThat(await(store().findSession(record.sessionId()))).isEmpty();
  }

  @Test
  default void saysThatASessionIsNotThere() {
    String id = UUID.randomUUID().toString();

    assertThat(await(store().findSession(id))).isEmpty();
    assertThat(await(store().loadSession(id, EPOCH))).isEmpty();
    assertThat(await(store().findSession(id))).as("loading does not make it").isEmpty();
    refused(Kind.NOT_FOUND, store().updateSessionRecord(record(id), EPOCH));
    refused(Kind.NOT_FOUND, store().saveTranscript(id, EPOCH, "t", 0, bytes("x")));
    refused(Kind.NOT_FOUND, store().saveTranscript(id, EPOCH, "t", 5, bytes("x")));
    refused(Kind.NOT_FOUND, store().replaceTranscript(id, EPOCH, "t", bytes("x")));
    refused(Kind.NOT_FOUND, store().readTranscript(id, "t", 0, 1));
    refused(Kind.NOT_FOUND, store().saveWorkspaceFile(id, EPOCH, "f", 0, bytes("x")));
    refused(Kind.NOT_FOUND, store().readWorkspaceFile(id, "f", 0, 1));
    refused(Kind.NOT_FOUND, store().deleteSessionFile(id, EPOCH, "f"));
    await(store().deleteSession(id, EPOCH));
  }

  @Test
  default void erasesEverythingAndForGood() {
    String id = create();
    append(id, "journal", 0, "said");
    await(store().saveWorkspaceFile(id, EPOCH, "secret.txt", 1, bytes("kept")));
    await(store().deleteSession(id, EPOCH));
    await(store().deleteSession(id, EPOCH));

    refused(Kind.NOT_FOUND, store().saveTranscript(id, EPOCH, "journal", 4, bytes("late")));
    refused(Kind.NOT_FOUND, store().saveTranscript(id, EPOCH, "journal", 0, bytes("late")));
    refused(Kind.NOT_FOUND, store().replaceTranscript(id, EPOCH, "journal", bytes("late")));
    refused(Kind.NOT_FOUND, store().saveWorkspaceFile(id, EPOCH, "secret.txt", 2, bytes("late")));
    refused(Kind.NOT_FOUND, store().deleteSessionFile(id, EPOCH, "secret.txt"));
    refused(Kind.NOT_FOUND, store().updateSessionRecord(record(id), EPOCH));
    refused(Kind.NOT_FOUND, store().readTranscript(id, "journal", 0, 4));
    refused(Kind.NOT_FOUND, store().readWorkspaceFile(id, "secret.txt", 0, 4));
    assertThat(await(store().findSession(id))).isEmpty();
    assertThat(await(store().loadSession(id, "epoch-2"))).isEmpty();

    await(store().createSessionRecord(record(id), "epoch-3"));
    assertThat(load(id)).as("a new session of the old id has nothing of it")
        .isEqualTo(new StoredSession(record(id), List.of(), List.of()));
    await(store().deleteSession(id, EPOCH));
  }

  /** Its maker gives it up before it was answered, and erases it: whichever of the two the store does first, nothing is left. */
  @Test
  default void aCreationIsNotDoneAfterItWasErased() {
    for (int i = 0; i < 100; i++) {
      SessionRecord record = record(UUID.randomUUID().toString());
      Future<Void> creation = store().createSessionRecord(record, EPOCH);
      await(store().deleteSession(record.sessionId(), EPOCH));
      await(creation.otherwiseEmpty());
      assertThat(await(store().findSession(record.sessionId()))).as("attempt " + i).isEmpty();
    }
  }

  @Test
  default void changesAndErasesOnlyTheOneSession() {
    String erased = create();
    String kept = create();
    for (String id : List.of(erased, kept)) {
      append(id, "t", 0, id);
      append(id, "of " + id, 0, "");
      await(store().saveWorkspaceFile(id, EPOCH, "f", 0, bytes(id)));
      await(store().saveWorkspaceFile(id, EPOCH, "of " + id, 0, bytes("")));
    }
    for (String id : List.of(erased, kept)) {
      checkHasItsOwn(id, load(id));
      checkHasItsOwn(id, await(store().inspectSession(id)).orElseThrow());
    }
    await(store().replaceTranscript(erased, EPOCH, "t", bytes("changed")));
    await(store().deleteSessionFile(erased, EPOCH, "f"));
    checkHasItsOwn(kept, load(kept));
    await(store().deleteSession(erased, EPOCH));
    checkHasItsOwn(kept, load(kept));
  }

  private void checkHasItsOwn(String id, StoredSession session) {
    assertThat(session.record()).isEqualTo(record(id));
    assertThat(session.transcripts()).containsExactlyInAnyOrder(new StoredSession.Transcript("t", id.length()),
        new StoredSession.Transcript("of " + id, 0));
    assertThat(session.files()).containsExactlyInAnyOrder(new StoredSession.StoredFile("f", id.length(), 0),
        new StoredSession.StoredFile("of " + id, 0, 0));
    assertThat(transcript(id, "t")).isEqualTo(id);
    assertThat(file(id, "f")).isEqualTo(id);
  }

  @Test
  default void takesALargeRecord() {
    String text = "\u00e9\ud83d\ude80\u0000'\"\\".repeat(80_000);
    SessionRecord small = record(UUID.randomUUID().toString());
    SessionRecord large = new SessionRecord(small.sessionId(), "t", "p", null, 1, 2, Json.object().put("options", text),
        Json.object().put("metadata", text), Json.object().put("recovery", text));
    await(store().createSessionRecord(large, EPOCH));
    assertThat(await(store().findSession(large.sessionId()))).contains(large);
    await(store().updateSessionRecord(small, EPOCH));
    assertThat(load(small.sessionId()).record()).isEqualTo(small);
    await(store().updateSessionRecord(large, EPOCH));
    assertThat(load(large.sessionId()).record()).isEqualTo(large);
    await(store().deleteSession(large.sessionId(), EPOCH));
  }

  @Test
  default void takesAnyTextAsAnId() {
    for (String id : INJECTIONS) {
      checkId(id.isEmpty() ? id : id + UUID.randomUUID());
      checkId(UUID.randomUUID() + id);
    }
    checkId(UUID.randomUUID() + LONG_NAME.substring(36));
  }

  private void checkId(String id) {
    SessionRecord record = new SessionRecord(id, id, id, id, 1, 2, Json.object().put(id, id), Json.object().put(id, id),
        Json.object().put(id, id));
    await(store().deleteSession(id, EPOCH));
    await(store().createSessionRecord(record, id));
    await(store().saveTranscript(id, id, id, 0, bytes(id)));
    await(store().saveWorkspaceFile(id, id, id, 3, bytes(id)));

    StoredSession loaded = await(store().loadSession(id, id)).orElseThrow();
    assertThat(loaded.record()).isEqualTo(record);
    assertThat(loaded.transcripts()).containsExactly(new StoredSession.Transcript(id, bytes(id).length()));
    assertThat(loaded.files()).containsExactly(new StoredSession.StoredFile(id, bytes(id).length(), 3));
    assertThat(transcript(id, id)).isEqualTo(id);
    assertThat(file(id, id)).isEqualTo(id);
    await(store().deleteSession(id, id));
    assertThat(await(store().findSession(id))).isEqualTo(Optional.empty());
  }

  @Test
  default void tellsApartIdsThatLookAlike() {
    String id = "look-alike-" + UUID.randomUUID() + "-\u00e9";
    List<String> alike = List.of(id, id.toUpperCase(), id + " ", id.replace("\u00e9", "e\u0301"), id.replace("\u00e9", "e"));
    for (String each : alike) {
      await(store().createSessionRecord(record(each), EPOCH));
      append(each, "t", 0, each);
    }
    for (String each : alike) {
      assertThat(transcript(each, "t")).isEqualTo(each);
      await(store().deleteSession(each, EPOCH));
    }
  }
}
