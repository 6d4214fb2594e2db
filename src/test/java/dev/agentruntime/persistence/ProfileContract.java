package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Agent profiles are saved whole, and only over the version that whoever saves has seen. */
public interface ProfileContract extends StoreUnderTest {

  private static StoredProfile profile(String id, String version) {
    return new StoredProfile(id, version, Json.object().put("name", id).put("said in", version));
  }

  private static String newId() {
    return "profile-" + UUID.randomUUID();
  }

  private StoredProfile stored(String id) {
    return await(store().loadAgentProfile(id)).orElse(null);
  }

  private List<StoredProfile> listed(String... ids) {
    return await(store().listAgentProfiles()).stream().filter(profile -> List.of(ids).contains(profile.id())).toList();
  }

  @Test
  default void tellsAnUnknownProfileFromAFailure() {
    assertThat(await(store().loadAgentProfile("no such profile"))).isEmpty();
    assertThat(await(store().listAgentProfiles())).noneMatch(profile -> profile.id().equals("no such profile"));
  }

  @Test
  default void createsReplacesAndDeletesProfiles() {
    String id = newId();
    await(store().saveAgentProfile(profile(id, "v1"), null));
    assertThat(stored(id)).isEqualTo(profile(id, "v1"));
    await(store().saveAgentProfile(profile(id, "v2"), "v1"));
    assertThat(stored(id)).isEqualTo(profile(id, "v2"));
    assertThat(listed(id)).containsExactly(profile(id, "v2"));

    await(store().deleteAgentProfile(id, "v2"));
    assertThat(stored(id)).isNull();
    assertThat(listed(id)).isEmpty();
    await(store().saveAgentProfile(profile(id, "v3"), null));
    assertThat(stored(id)).isEqualTo(profile(id, "v3"));
  }

  @Test
  default void refusesToOverwriteAnotherVersion() {
    String id = newId();
    refused(Kind.CONFLICT, store().saveAgentProfile(profile(id, "v1"), "v0"));
    assertThat(stored(id)).as("not made by a refused save").isNull();

    await(store().saveAgentProfile(profile(id, "v1"), null));
    refused(Kind.CONFLICT, store().saveAgentProfile(profile(id, "v2"), null));
    refused(Kind.CONFLICT, store().saveAgentProfile(profile(id, "v2"), "v0"));
    refused(Kind.CONFLICT, store().saveAgentProfile(profile(id, "v2"), "V1"));
    refused(Kind.CONFLICT, store().deleteAgentProfile(id, "v0"));
    assertThat(stored(id)).isEqualTo(profile(id, "v1"));
  }

  @Test
  default void aRepeatedSaveOrDeletionOfAProfileDoesNoHarm() {
    String id = newId();
    await(store().saveAgentProfile(profile(id, "v1"), null));
    await(store().saveAgentProfile(profile(id, "v1"), null));
    await(store().saveAgentProfile(profile(id, "v2"), "v1"));
    await(store().saveAgentProfile(profile(id, "v2"), "v1"));
    assertThat(stored(id)).isEqualTo(profile(id, "v2"));

    await(store().deleteAgentProfile(id, "v2"));
    await(store().deleteAgentProfile(id, "v2"));
    await(store().deleteAgentProfile(newId(), "v1"));
  }

  @Test
  default void ofManyEditorsOfOneVersionExactlyOneWins() {
    String id = newId();
    await(store().saveAgentProfile(profile(id, "v1"), null));
    List<Future<Void>> saves = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      saves.add(store().saveAgentProfile(profile(id, "editor-" + i), "v1"));
    }
    List<String> winners = new ArrayList<>();
    for (int i = 0; i < saves.size(); i++) {
      try {
        await(saves.get(i));
        winners.add("editor-" + i);
      } catch (PersistenceException e) {
        assertThat(e.kind()).isEqualTo(Kind.CONFLICT);
      }
    }
    assertThat(winners).containsExactly(stored(id).version());
  }

  @Test
  default void ofManyCreatorsOfOneProfileExactlyOneWins() {
    String id = newId();
    List<Future<Void>> saves = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      saves.add(store().saveAgentProfile(profile(id, "creator-" + i), null));
    }
    int winners = 0;
    for (Future<Void> save : saves) {
      try {
        await(save);
        winners++;
      } catch (PersistenceException e) {
        assertThat(e.kind()).isEqualTo(Kind.CONFLICT);
      }
    }
    assertThat(winners).isEqualTo(1);
  }

  @Test
  default void listsProfilesById() {
    String p = newId();
    for (String id : List.of(p + "\ud83d\ude80", p + "b", p + "A", p + "a ", p + "a", p + "\uffee", p + "\u00e9", p + "'; DROP TABLE profile; --")) {
      await(store().saveAgentProfile(profile(id, id), null));
    }
    assertThat(listed(p + "a", p + "b", p + "A", p + "\u00e9", p + "\uffee", p + "\ud83d\ude80")).extracting(StoredProfile::id)
        .containsExactly(p + "A", p + "a", p + "b", p + "\u00e9", p + "\uffee", p + "\ud83d\ude80");
    assertThat(stored(p + "a ")).isEqualTo(profile(p + "a ", p + "a "));
    assertThat(stored(p + "'; DROP TABLE profile; --")).isNotNull();
  }

  @Test
  default void takesAnyTextAsAnIdAndAVersionOfAProfile() {
    for (String text : RecordContract.INJECTIONS) {
      checkIdAndVersion(newId() + text);
      checkIdAndVersion(text + newId());
    }
    checkIdAndVersion(newId() + LONG_NAME.substring(48));
  }

  private void checkIdAndVersion(String text) {
    await(store().saveAgentProfile(profile(text, text), null));
    assertThat(stored(text)).isEqualTo(profile(text, text));
    assertThat(listed(text)).containsExactly(profile(text, text));
    for (String alike : List.of(text + " ", " " + text, text + "\u0000", text.toUpperCase(), text.substring(1))) {
      assertThat(stored(alike)).isNull();
      refused(Kind.CONFLICT, store().deleteAgentProfile(text, alike));
    }
    await(store().deleteAgentProfile(text, text));
    assertThat(stored(text)).isNull();
  }

  @Test
  default void keepsItsOwnCopyOfAProfile() {
    String id = newId();
    StoredProfile given = profile(id, "v1");
    await(store().saveAgentProfile(given, null));
    given.document().put("changed", "afterwards");
    stored(id).document().put("changed", "afterwards");
    assertThat(stored(id)).isEqualTo(profile(id, "v1"));
  }

  @Test
  default void takesALargeProfile() {
    String id = newId();
    StoredProfile large = new StoredProfile(id, "v1", Json.object().put("agentMDFile", "\u00e9\ud83d\ude80\u0000'\"\\".repeat(200_000)));
    await(store().saveAgentProfile(large, null));
    assertThat(stored(id)).isEqualTo(large);
    await(store().deleteAgentProfile(id, "v1"));
  }
}
