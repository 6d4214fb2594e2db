package dev.agentruntime.persistence.copy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.StoreUnderTest;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.support.Intercepted;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is copied is the same; what is in use, or will not become the same, is said. */
class StoreCopyTest implements StoreUnderTest {

  private final InMemoryPersistence source = new InMemoryPersistence();
  private final InMemoryPersistence target = new InMemoryPersistence();
  private final List<String> said = new ArrayList<>();

  @Override
  public PersistenceAdapter store() {
    return source;
  }

  @BeforeEach
  void start() {
    await(source.start());
    await(target.start());
  }

  private StoreCopy.Totals copy() {
    return copy(source, target);
  }

  private StoreCopy.Totals copy(PersistenceAdapter from, PersistenceAdapter to) {
    return new StoreCopy(from, to, line -> {
      synchronized (said) {
        said.add(line);
      }
    }).run();
  }

  private CopyException.Reason refusedCopy(PersistenceAdapter from, PersistenceAdapter to) {
    return catchThrowableOfType(CopyException.class, () -> copy(from, to)).reason();
  }

  private String session() {
    String id = UUID.randomUUID().toString();
    await(source.createSessionRecord(full(id), EPOCH));
    append(id, "journal.jsonl", 0, "said in " + id);
    append(id, "empty", 0, "");
    await(source.saveTranscript(id, EPOCH, "long", 0, randomBytes(2_500_000, id.hashCode())));
    await(source.saveWorkspaceFile(id, EPOCH, "a/\u00fc.bin", 77, randomBytes(5_000, 1)));
    await(source.saveWorkspaceFile(id, EPOCH, "empty", -1, Buffer.buffer()));
    return id;
  }

  private void assertSame(String id) {
    StoredSession original = await(source.inspectSession(id)).orElseThrow();
    assertThat(await(target.inspectSession(id))).contains(original);
    original.transcripts().forEach(t -> assertBytes(await(target.readTranscript(id, t.name(), 0, Integer.MAX_VALUE)),
        await(source.readTranscript(id, t.name(), 0, Integer.MAX_VALUE))));
    original.files().forEach(f -> assertBytes(await(target.readWorkspaceFile(id, f.path(), 0, Integer.MAX_VALUE)),
        await(source.readWorkspaceFile(id, f.path(), 0, Integer.MAX_VALUE))));
  }

  /** Calls {@code before} with the method's name, and lets the answer be another. */
  private static PersistenceAdapter watched(PersistenceAdapter store, Watch watch) {
    return Intercepted.of(PersistenceAdapter.class, store,
        (method, arguments, real) -> watch.before(method.getName(), arguments).apply((Future<?>) real.get()));
  }

  private interface Watch {
    UnaryOperator<Future<?>> before(String method, Object[] arguments);
  }

  /** That both are one is not known if one has another name, of its host say. */
  @Test
  void ontoItselfNothingIsChanged() {
    List<String> ids = List.of(session(), session());
    await(source.saveAgentProfile(new StoredProfile("p", "v1", json("{\"name\":\"P\"}")), null));
    copy();
    StoreCopy.Totals totals = copy(watched(source, (method, arguments) -> answer -> answer), watched(source, (method, arguments) -> {
      boolean changes = method.matches("create.*|save.*|update.*|replace.*|delete.*");
      return answer -> changes ? Future.failedFuture(new PersistenceException(Kind.INVALID, method + " would change it")) : answer;
    }));
    assertThat(totals.sessions()).isEqualTo(2);
    ids.forEach(this::assertSame);
  }

  @Test
  void copiesEverything() {
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      ids.add(session());
    }
    StoredProfile profile = new StoredProfile("p", "v1", json("{\"name\":\"P\"}"));
    await(source.saveAgentProfile(profile, null));

    StoreCopy.Totals totals = copy();
    ids.forEach(this::assertSame);
    assertThat(await(target.listAgentProfiles())).containsExactly(profile);
    assertThat(totals.sessions()).isEqualTo(20);
    assertThat(totals.transcripts()).isEqualTo(60);
    assertThat(totals.files()).isEqualTo(40);
    assertThat(totals.bytes()).isEqualTo(20 * (2_500_000 + 5_000 + "said in ".length() + 36));
    assertThat(totals.profiles()).isEqualTo(1);
    assertThat(totals.others()).isZero();
    assertThat(said).contains("1 agent profiles").anyMatch(line -> line.startsWith("20 sessions have an agent that may still be running"));
  }

  @Test
  void writesNothingAgain() {
    String id = session();
    await(target.createSessionRecord(record("another"), EPOCH));
    StoreCopy.Totals first = copy();
    append(id, "journal.jsonl", await(source.inspectSession(id)).orElseThrow().transcripts().stream()
        .filter(t -> t.name().equals("journal.jsonl")).findFirst().orElseThrow().length(), "", StoreCopy.EPOCH);
    List<String> writes = new ArrayList<>();
    StoreCopy.Totals second = copy(source, watched(target, (method, arguments) -> {
      if (method.matches("(save|create|update|delete|replace).*")) {
        writes.add(method);
      }
      return answer -> answer;
    }));
    assertThat(writes).isEmpty();
    assertThat(second).isEqualTo(first);
    assertThat(second.others()).isEqualTo(1);
  }

  private void append(String id, String name, long offset, String text, String epoch) {
    await(source.saveTranscript(id, epoch, name, offset, bytes(text)));
  }

  @Test
  void goesOnWhereAnEarlierCopyEnded() {
    String id = session();
    AtomicInteger pieces = new AtomicInteger();
    PersistenceAdapter breaking = watched(target, (method, arguments) -> answer ->
        method.equals("saveTranscript") && arguments[2].equals("long") && pieces.incrementAndGet() >= 2
            ? answer.transform(done -> Future.failedFuture(new PersistenceException(Kind.INVALID, "killed"))) : answer);
    assertThat(catchThrowableOfType(PersistenceException.class, () -> copy(source, breaking))).hasMessage("session " + id + ": killed");
    List<Long> offsets = new ArrayList<>();
    copy(source, watched(target, (method, arguments) -> {
      if (method.equals("saveTranscript") && arguments[2].equals("long")) {
        offsets.add((Long) arguments[3]);
      }
      return answer -> answer;
    }));
    assertThat(offsets).containsExactly(2L * SessionDigest.CHUNK_BYTES);
    assertSame(id);
  }

  @Test
  void takesChangesOfTheSourceBetweenTwoCopies() {
    String id = session();
    String deleted = session();
    copy();
    await(source.loadSession(id, EPOCH));
    await(source.replaceTranscript(id, EPOCH, "long", bytes("shorter and another")));
    await(source.deleteSessionFile(id, EPOCH, "empty"));
    await(source.updateSessionRecord(record(id), EPOCH));
    await(source.deleteSession(deleted, StoreCopy.EPOCH));
    StoreCopy.Totals totals = copy();
    assertSame(id);
    assertThat(totals.sessions()).isEqualTo(1);
    assertThat(totals.others()).as("what the source has deleted stays in the target").isEqualTo(1);
  }

  @Test
  void aServerOnTheSourceIsNoticed() {
    String id = session();
    session();
    AtomicInteger bytes = new AtomicInteger();
    PersistenceAdapter busy = watched(source, (method, arguments) -> {
      if (method.equals("readTranscript") && arguments[0].equals(id)) {
        append(id, "busy", bytes.getAndIncrement(), "x");
      }
      return answer -> answer;
    });
    assertThat(refusedCopy(busy, target)).isEqualTo(CopyException.Reason.SOURCE_IN_USE);
    append(id, "busy", bytes.get(), "the server is still the owner");
  }

  @Test
  void whatChangesAfterItWasCopiedIsNoticed() {
    String id = session();
    AtomicInteger lists = new AtomicInteger();
    PersistenceAdapter busy = watched(source, (method, arguments) -> {
      if (method.equals("listAllSessions") && lists.incrementAndGet() == 2) {
        await(source.updateSessionRecord(record(id), EPOCH));
      }
      return answer -> answer;
    });
    assertThat(refusedCopy(busy, target)).isEqualTo(CopyException.Reason.SOURCE_IN_USE);

    AtomicInteger later = new AtomicInteger();
    PersistenceAdapter created = watched(source, (method, arguments) -> {
      if (method.equals("listAllSessions") && later.incrementAndGet() == 2) {
        session();
      }
      return answer -> answer;
    });
    assertThat(refusedCopy(created, target)).isEqualTo(CopyException.Reason.SOURCE_IN_USE);
    copy();
  }

  @Test
  void aServerThatStillHasTheSourceWritesNoMoreToIt() {
    String id = session();
    copy();
    refused(Kind.STALE_OWNER, source.saveTranscript(id, EPOCH, "journal.jsonl", 0, bytes("late")));
    assertThat(await(source.loadSession(id, "a server again"))).isPresent();
    append(id, "new", 0, "the source can be used again", "a server again");
  }

  @Test
  void whatAServerHasTakenOverInTheTargetIsNotOverwritten() {
    String id = session();
    copy();
    await(target.loadSession(id, "server"));
    await(target.saveTranscript(id, "server", "new", 0, bytes("said on the target")));
    assertThat(refusedCopy(source, target)).isEqualTo(CopyException.Reason.TARGET_IN_USE);
    assertThat(await(target.readTranscript(id, "new", 0, 100))).hasToString("said on the target");
  }

  @Test
  void aProfileThatIsAnotherInTheTargetIsNotOverwritten() {
    await(source.saveAgentProfile(new StoredProfile("p", "v1", json("{}")), null));
    await(target.saveAgentProfile(new StoredProfile("p", "v2", json("{}")), null));
    assertThat(refusedCopy(source, target)).isEqualTo(CopyException.Reason.TARGET_IN_USE);
  }

  @Test
  void aCopyThatIsNotTheSameIsMadeAnewAndThenRefused() {
    String id = session();
    AtomicInteger spoiled = new AtomicInteger();
    Watch spoilsTheFirst = (method, arguments) -> {
      if (method.equals("saveTranscript") && arguments[2].equals("long") && spoiled.getAndIncrement() == 0) {
        arguments[4] = randomBytes(((Buffer) arguments[4]).length(), 99);
      }
      return answer -> answer;
    };
    copy(source, watched(target, spoilsTheFirst));
    assertSame(id);

    Watch spoilsAll = (method, arguments) -> {
      if (method.equals("saveWorkspaceFile")) {
        arguments[4] = randomBytes(((Buffer) arguments[4]).length(), 99);
      }
      return answer -> answer;
    };
    InMemoryPersistence another = new InMemoryPersistence();
    await(another.start());
    assertThat(refusedCopy(source, watched(another, spoilsAll))).isEqualTo(CopyException.Reason.DIFFERENT);
  }

  /** A store keeps in mind for whom a session that is not there was erased, and makes it for them no more. */
  @Test
  void whatIsMadeAnewIsErasedOnce() {
    String id = session();
    await(target.createSessionRecord(full(id), StoreCopy.EPOCH));
    await(target.saveTranscript(id, StoreCopy.EPOCH, "journal.jsonl", 0, bytes("of another")));
    AtomicInteger erasures = new AtomicInteger();
    copy(source, watched(target, (method, arguments) -> answer -> method.equals("deleteSession") && erasures.incrementAndGet() == 1
        ? answer.transform(done -> Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the answer was lost"))) : answer));
    assertSame(id);
    assertThat(erasures).hasValue(1);
  }

  @Test
  void saysWhichSessionItCouldNotCopy() {
    session();
    String id = session();
    PersistenceAdapter damaged = watched(source, (method, arguments) -> answer -> method.equals("readTranscript") && arguments[0].equals(id)
        ? Future.failedFuture(new PersistenceException(Kind.INVALID, "damaged")) : answer);
    assertThat(catchThrowableOfType(PersistenceException.class, () -> copy(damaged, target))).hasMessage("session " + id + ": damaged");
  }

  @Test
  void aStoreThatIsAwayForAMomentIsAskedAgain() {
    String id = session();
    AtomicInteger calls = new AtomicInteger();
    Watch flaky = (method, arguments) -> answer -> calls.incrementAndGet() % 7 != 0 ? answer
        : answer.transform(done -> Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "away")));
    copy(watched(source, flaky), watched(target, flaky));
    assertSame(id);
  }
}
