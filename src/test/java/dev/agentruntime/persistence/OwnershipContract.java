package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** Only the epoch that loaded a session last writes to it. */
public interface OwnershipContract extends StoreUnderTest {

  @Test
  default void refusesEveryWriteOfASupersededOwner() {
    String id = create();
    append(id, "t", 0, "abc");
    await(store().saveWorkspaceFile(id, EPOCH, "f", 1, bytes("old")));
    SessionRecord record = await(store().findSession(id)).orElseThrow();
    await(store().loadSession(id, "epoch-2"));

    refusesEveryWrite(id);

    StoredSession kept = await(store().loadSession(id, "epoch-2")).orElseThrow();
    assertThat(kept).isEqualTo(new StoredSession(record,
        List.of(new StoredSession.Transcript("t", 3)), List.of(new StoredSession.StoredFile("f", 3, 1))));
    assertThat(transcript(id, "t") + file(id, "f")).isEqualTo("abcold");
    await(store().saveTranscript(id, "epoch-2", "t", 3, bytes("def")));
    await(store().deleteSession(id, "epoch-2"));
  }

  /** Of {@link #EPOCH}, to a session that has a transcript {@code t} of three bytes and a file {@code f}. */
  private void refusesEveryWrite(String id) {
    List<Future<?>> stale = List.of(
        store().updateSessionRecord(record(id, 1), EPOCH),
        store().saveTranscript(id, EPOCH, "t", 3, bytes("x")),
        store().saveTranscript(id, EPOCH, "t", 0, bytes("abc")),
        store().saveTranscript(id, EPOCH, "t", 9, bytes("x")),
        store().saveTranscript(id, EPOCH, "new", 0, bytes("x")),
        store().replaceTranscript(id, EPOCH, "t", bytes("x")),
        store().saveWorkspaceFile(id, EPOCH, "f", 2, bytes("x")),
        store().saveWorkspaceFile(id, EPOCH, "new", 2, bytes("x")),
        store().deleteSessionFile(id, EPOCH, "f"),
        store().deleteSessionFile(id, EPOCH, "no such file"),
        store().renewEpoch(id, EPOCH, "epoch-9"),
        store().deleteSession(id, EPOCH));
    for (Future<?> write : stale) {
      assertThat(refused(Kind.STALE_OWNER, write)).isInstanceOf(StaleOwnerException.class);
    }
  }

  /** One that its writer knows nothing of any more: the answer was lost, and the store does it late. */
  @Test
  default void aWriteThatComesAfterItsOwnerHasRenewedItsEpochIsRefused() {
    String id = create();
    await(store().renewEpoch(id, EPOCH, "epoch-2"));
    await(store().saveTranscript(id, "epoch-2", "t", 0, bytes("abc")));
    await(store().saveWorkspaceFile(id, "epoch-2", "f", 1, bytes("new")));
    await(store().updateSessionRecord(full(id), "epoch-2"));
    refusesEveryWrite(id);

    assertThat(await(store().inspectSession(id))).hasValueSatisfying(kept -> assertThat(kept.toString()).isEqualTo(new StoredSession(full(id),
        List.of(new StoredSession.Transcript("t", 3)), List.of(new StoredSession.StoredFile("f", 3, 1))).toString()));
    assertThat(transcript(id, "t") + file(id, "f")).isEqualTo("abcnew");
  }

  @Test
  default void aRenewalCanBeRepeatedAndIsRefusedWhenItIsLate() {
    String id = create();
    await(store().renewEpoch(id, EPOCH, "epoch-2"));
    await(store().renewEpoch(id, EPOCH, "epoch-2"));
    await(store().renewEpoch(id, "epoch-2", "epoch-3"));
    refused(Kind.STALE_OWNER, store().renewEpoch(id, EPOCH, "epoch-2"));
    await(store().updateSessionRecord(record(id), "epoch-3"));

    await(store().loadSession(id, "another"));
    refused(Kind.STALE_OWNER, store().renewEpoch(id, "epoch-3", "epoch-4"));
    await(store().deleteSession(id, "another"));
    refused(Kind.NOT_FOUND, store().renewEpoch(id, "another", "epoch-4"));
  }

  @Test
  default void tellsApartEpochsThatLookAlike() {
    String id = create();
    String owner = "Epoch-\u00e9" + LONG_NAME.substring(14) + "-owner";
    for (String alike : List.of(owner.toLowerCase(), owner.toUpperCase(), owner + " ", " " + owner, owner + "\u0000",
        owner.replaceFirst("\u00e9", "e\u0301"), owner.replace("\\", "/"), owner.substring(0, 500), owner.replace("owner", "other"))) {
      await(store().loadSession(id, owner));
      refused(Kind.STALE_OWNER, store().saveTranscript(id, alike, "t", 0, bytes("x")));
      refused(Kind.STALE_OWNER, store().updateSessionRecord(record(id, 1), alike));
      refused(Kind.STALE_OWNER, store().renewEpoch(id, alike, EPOCH));
      await(store().renewEpoch(id, owner, alike));
      refused(Kind.STALE_OWNER, store().saveWorkspaceFile(id, owner, "f", 0, bytes("x")));
    }
  }

  @Test
  default void looksWithoutBecomingTheOwner() {
    String id = create();
    append(id, "t", 0, "abc");
    await(store().findSession(id));
    await(store().inspectSession(id));
    await(store().listAllSessions(10, null));
    await(store().listRecoverableSessions(10, null));
    transcript(id, "t");

    append(id, "t", 3, "def");
    assertThat(transcript(id, "t")).isEqualTo("abcdef");
  }

  @Test
  default void inspectingShowsWhatLoadingDoes() {
    assertThat(await(store().inspectSession(UUID.randomUUID().toString()))).isEmpty();
    String id = create();
    assertThat(await(store().inspectSession(id))).contains(load(id));
    append(id, "t", 0, "abc");
    append(id, "empty", 0, "");
    await(store().saveWorkspaceFile(id, EPOCH, "f", 7, bytes("four")));
    assertThat(await(store().inspectSession(id))).contains(load(id));
    await(store().deleteSession(id, EPOCH));
    assertThat(await(store().inspectSession(id))).isEmpty();
  }

  @Test
  default void theOwnerCanLoadAgain() {
    String id = create();
    await(store().loadSession(id, EPOCH));
    await(store().loadSession(id, EPOCH));
    append(id, "t", 0, "abc");
    assertThat(load(id).transcripts()).containsExactly(new StoredSession.Transcript("t", 3));
  }

  /** What a load has shown is all there is: nothing of an earlier owner comes after it. */
  @Test
  default void ofAHundredContendersExactlyTheLastOneWrites() throws Exception {
    String id = create();
    int contenders = 100;
    CountDownLatch go = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var attempts = new ArrayList<java.util.concurrent.Future<Integer>>();
      for (int i = 0; i < contenders; i++) {
        String epoch = "contender-" + i;
        attempts.add(threads.submit(() -> {
          go.await();
          return contend(id, epoch);
        }));
      }
      go.countDown();
      int appended = 0;
      for (var attempt : attempts) {
        appended += attempt.get();
      }
      assertThat(transcript(id, "t")).hasSize(appended);
    }

    int writers = 0;
    for (int i = 0; i < contenders; i++) {
      try {
        await(store().updateSessionRecord(record(id), "contender-" + i));
        writers++;
      } catch (StaleOwnerException e) {
        // one of those that lost
      }
    }
    assertThat(writers).isEqualTo(1);
  }

  /** Takes the session, appends until it is taken away, at most three times. @return the bytes that were acknowledged */
  private int contend(String id, String epoch) {
    long length = await(store().loadSession(id, epoch)).orElseThrow().transcripts().stream()
        .mapToLong(StoredSession.Transcript::length).findFirst().orElse(0);
    for (int i = 0; i < 3; i++) {
      try {
        await(store().saveTranscript(id, epoch, "t", length + i, bytes("x")));
      } catch (StaleOwnerException e) {
        return i;
      }
    }
    return 3;
  }
}
