package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** The list is paged, newest first, and steady while sessions come and go. */
public interface ListingContract extends StoreUnderTest {

  /** Makes sessions whose ids sort as they are numbered, at the given times, and gives the ids. */
  private List<String> createAt(String prefix, long... times) {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < times.length; i++) {
      ids.add(prefix + i);
      await(store().createSessionRecord(record(prefix + i, times[i]), EPOCH));
    }
    return ids;
  }

  /** Every session whose id begins like this, page by page. */
  private List<String> listed(int pageSize, String prefix) {
    return listed(pageSize, prefix, store()::listAllSessions);
  }

  private List<String> recoverable(int pageSize, String prefix) {
    return listed(pageSize, prefix, store()::listRecoverableSessions);
  }

  private List<String> listed(int pageSize, String prefix, BiFunction<Integer, String, Future<SessionPage>> list) {
    List<String> ids = new ArrayList<>();
    String after = null;
    do {
      SessionPage page = await(list.apply(pageSize, after));
      assertThat(page.sessions()).hasSizeLessThanOrEqualTo(pageSize);
      assertThat(page.next()).as("the list goes on").isNotEqualTo(after == null ? "" : after);
      page.sessions().stream().map(SessionRecord::sessionId).filter(id -> id.startsWith(prefix)).forEach(ids::add);
      after = page.next();
    } while (after != null);
    return ids;
  }

  private static String prefix() {
    return UUID.randomUUID() + "-";
  }

  @Test
  default void listsNewestFirstAndThenById() {
    String p = prefix();
    createAt(p, 50, 70, 50, 60, 50, Long.MAX_VALUE, -3);

    for (int pageSize : new int[] {1, 2, 3, 1_000, Integer.MAX_VALUE}) {
      assertThat(listed(pageSize, p)).containsExactly(p + 5, p + 1, p + 3, p + 4, p + 2, p + 0, p + 6);
    }
  }

  @Test
  default void sortsIdsByCodePoints() {
    String p = prefix();
    List<String> ids = List.of("\ud83d\ude80", "\uffee", "\u00e9", "z", "a", "_", "Z", "A", "-");
    List<String> shuffled = new ArrayList<>(ids);
    Collections.shuffle(shuffled, new Random(9));
    shuffled.forEach(id -> await(store().createSessionRecord(record(p + id, 1), EPOCH)));

    assertThat(listed(2, p)).containsExactlyElementsOf(ids.stream().map(id -> p + id).toList());
  }

  @Test
  default void givesWholeRecords() {
    SessionRecord record = new SessionRecord(prefix(), "opencode", "p", "name", Long.MAX_VALUE, 5,
        json("{\"model\":\"m\"}"), json("{\"a\":[1]}"), json("{\"turn\":1}"));
    await(store().createSessionRecord(record, EPOCH));
    assertThat(await(store().listAllSessions(1_000, null)).sessions()).contains(record);
    await(store().deleteSession(record.sessionId(), EPOCH));
  }

  @Test
  default void pagesStaySteadyWhileSessionsComeAndGo() {
    String p = prefix();
    List<String> ids = createAt(p, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100);
    Set<String> seen = new HashSet<>();
    Set<String> deleted = new HashSet<>();
    String after = null;
    int round = 0;
    do {
      SessionPage page = await(store().listAllSessions(2, after));
      for (SessionRecord record : page.sessions()) {
        if (record.sessionId().startsWith(p)) {
          assertThat(seen.add(record.sessionId())).as("twice in the list").isTrue();
        }
      }
      after = page.next();
      // Newer than all, older than all, and right at the cursor; and the session that the cursor names goes.
      String last = page.sessions().isEmpty() ? null : page.sessions().getLast().sessionId();
      createAt(p + "new-" + round++, Long.MAX_VALUE - 1, 55, -7);
      if (last != null && ids.contains(last) && deleted.add(last)) {
        await(store().deleteSession(last, EPOCH));
      }
    } while (after != null && round < 1_000);

    assertThat(seen).containsAll(ids);
    for (String id : listed(500, p)) {
      await(store().deleteSession(id, EPOCH));
    }
  }

  @Test
  default void aCreatedSessionIsListedAndADeletedOneIsNot() {
    String p = prefix();
    createAt(p, 1, 2);
    await(store().deleteSession(p + 0, EPOCH));
    assertThat(listed(100, p)).containsExactly(p + 1);
    await(store().updateSessionRecord(record(p + 1, 99), EPOCH));
    assertThat(listed(100, p)).containsExactly(p + 1);
  }

  @Test
  default void listsTheSessionsThatAreToBeTakenUp() {
    String p = prefix();
    createAt(p, 10, 30, 20, 20, 40);
    assertThat(recoverable(100, p)).isEmpty();
    for (int i : new int[] {0, 1, 2, 3}) {
      await(store().updateSessionRecord(recovering(p + i, i == 0 ? 10 : 20), EPOCH));
    }
    await(store().createSessionRecord(recovering(p + 5, 50), EPOCH));
    for (int pageSize : new int[] {1, 2, 1_000}) {
      assertThat(recoverable(pageSize, p)).containsExactly(p + 5, p + 3, p + 2, p + 1, p + 0);
    }
    assertThat(await(store().listRecoverableSessions(1_000, null)).sessions()).contains(recovering(p + 5, 50));

    await(store().updateSessionRecord(record(p + 3, 20), EPOCH));
    await(store().updateSessionRecord(recovering(p + 0, 99), EPOCH));
    await(store().deleteSession(p + 5, EPOCH));
    assertThat(recoverable(2, p)).containsExactly(p + 0, p + 2, p + 1);
    assertThat(listed(2, p)).containsExactly(p + 0, p + 4, p + 3, p + 2, p + 1);
  }

  private SessionRecord recovering(String id, long createdAt) {
    return new SessionRecord(id, "t", "p", null, createdAt, -createdAt, Json.object(), null, Json.object());
  }

  @Test
  default void refusesCursorsThatAreNone() {
    String p = prefix();
    createAt(p, 1, 2, 3);
    String real = await(store().listAllSessions(1, null)).next();
    for (String cursor : List.of("", "x", "!!!", "0", real + "!", "." + real, "' OR 1=1 --", "bm90IGEgY3Vyc29y")) {
      refused(Kind.INVALID, store().listAllSessions(1, cursor));
      refused(Kind.INVALID, store().listRecoverableSessions(1, cursor));
    }
    refused(Kind.INVALID, store().listAllSessions(0, null));
    refused(Kind.INVALID, store().listAllSessions(-1, null));
    refused(Kind.INVALID, store().listRecoverableSessions(0, null));
  }
}
