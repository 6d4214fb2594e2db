package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** A store that an earlier version of this program has left is gone on with. */
public interface EarlierVersionContract extends StoreUnderTest {

  /**
   * Leaves a store as the first version did, past this version's adapter, and opens it: a session {@code old} with a recovery and the three
   * bytes {@code abc} as its transcript {@code t}, a session {@code idle} without either, and a profile {@code by hand}.
   */
  void openStoreOfTheFirstVersion() throws Exception;

  @Test
  default void goesOnWithAStoreOfTheFirstVersion() throws Exception {
    openStoreOfTheFirstVersion();
    assertThat(await(store().listRecoverableSessions(10, null)).sessions()).extracting(SessionRecord::sessionId).containsExactly("old");
    assertThat(await(store().listAllSessions(10, null)).sessions()).extracting(SessionRecord::sessionId)
        .isEqualTo(List.of("old", "idle"));
    assertThat(load("old").transcripts()).containsExactly(new StoredSession.Transcript("t", 3));
    append("old", "t", 3, "def");
    assertThat(transcript("old", "t")).isEqualTo("abcdef");
    StoredProfile profile = await(store().loadAgentProfile("by hand")).orElseThrow();
    assertThat(profile.document()).isEqualTo(json("{\"name\":\"P\"}"));
    await(store().saveAgentProfile(new StoredProfile("by hand", "new", json("{}")), profile.version()));
  }
}
