package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;
import org.junit.jupiter.api.Test;

/**
 * What is saved outlives the adapter, and several adapters, as of several nodes, share one store. For such a store {@link #open()} gives,
 * within one test, adapters on the same store.
 *
 * <p>That it outlives a killed process as well needs a test of its own, since only the adapter's author knows what there is to kill.
 */
public abstract class DurablePersistenceContract extends PersistenceContract {

  @Test
  void findsEverythingWhenOpenedAgain() throws Exception {
    SessionRecord record = full(UUID.randomUUID().toString());
    await(store().createSessionRecord(record, EPOCH));
    append(record.sessionId(), "journal", 0, "said");
    await(store().saveWorkspaceFile(record.sessionId(), EPOCH, "a/b", 5, bytes("kept")));
    StoredProfile profile = new StoredProfile(UUID.randomUUID().toString(), "v1", json("{\"name\":\"kept\"}"));
    await(store().saveAgentProfile(profile, null));
    StoredSession before = load(record.sessionId());
    await(store().close());

    PersistenceAdapter again = open();
    await(again.start());
    try {
      assertThat(await(again.loadSession(record.sessionId(), "epoch-2"))).contains(before);
      assertThat(await(again.readTranscript(record.sessionId(), "journal", 0, 10))).hasToString("said");
      assertThat(await(again.readWorkspaceFile(record.sessionId(), "a/b", 0, 10))).hasToString("kept");
      assertThat(await(again.loadAgentProfile(profile.id()))).contains(profile);
    } finally {
      await(again.close());
    }
  }

  @Test
  void whatOneNodeHasSavedTheOthersSeeAtOnce() throws Exception {
    PersistenceAdapter other = open();
    await(other.start());
    try {
      String id = create();
      assertThat(await(other.findSession(id))).contains(record(id));
      SessionRecord newest = record(id, Long.MAX_VALUE);
      await(store().updateSessionRecord(newest, EPOCH));
      assertThat(await(other.listAllSessions(1_000, null)).sessions()).contains(newest);
      append(id, "t", 0, "abc");
      assertThat(await(other.readTranscript(id, "t", 0, 9))).hasToString("abc");
      await(store().replaceTranscript(id, EPOCH, "t", bytes("de")));
      assertThat(await(other.readTranscript(id, "t", 0, 9))).hasToString("de");
      await(store().saveWorkspaceFile(id, EPOCH, "f", 1, bytes("f")));
      assertThat(await(other.readWorkspaceFile(id, "f", 0, 9))).hasToString("f");
      await(store().deleteSessionFile(id, EPOCH, "f"));
      assertThat(await(other.inspectSession(id)).orElseThrow().files()).isEmpty();
      await(store().renewEpoch(id, EPOCH, "epoch-2"));
      refused(PersistenceException.Kind.STALE_OWNER, other.updateSessionRecord(record(id), EPOCH));
      await(store().deleteSession(id, "epoch-2"));
      assertThat(await(other.findSession(id))).isEmpty();

      StoredProfile profile = new StoredProfile(id, "v1", json("{}"));
      await(store().saveAgentProfile(profile, null));
      assertThat(await(other.loadAgentProfile(id))).contains(profile);
      await(store().deleteAgentProfile(id, "v1"));
      assertThat(await(other.loadAgentProfile(id))).isEmpty();
    } finally {
      await(other.close());
    }
  }

  @Test
  void ownershipHoldsBetweenNodes() throws Exception {
    PersistenceAdapter other = open();
    await(other.start());
    try {
      String id = create();
      append(id, "t", 0, "abc");
      StoredSession moved = await(other.loadSession(id, "epoch-2")).orElseThrow();
      assertThat(moved.transcripts()).containsExactly(new StoredSession.Transcript("t", 3));

      refused(PersistenceException.Kind.STALE_OWNER, store().saveTranscript(id, EPOCH, "t", 3, bytes("late")));
      await(other.saveTranscript(id, "epoch-2", "t", 3, bytes("def")));
      assertThat(transcript(id, "t")).isEqualTo("abcdef");
    } finally {
      await(other.close());
    }
  }
}
