package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.StoredSession.StoredFile;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

/** Workspace files are bytes under a path, replaced whole. */
public interface FileContract extends StoreUnderTest {

  @Test
  default void createsAndReplacesFiles() {
    String id = create();
    await(store().saveWorkspaceFile(id, EPOCH, "src/a.txt", 1_000, bytes("first and longer")));
    await(store().saveWorkspaceFile(id, EPOCH, "b", 2_000, bytes("b")));
    await(store().saveWorkspaceFile(id, EPOCH, "src/a.txt", 3_000, bytes("second")));
    await(store().saveWorkspaceFile(id, EPOCH, "src/a.txt", 3_000, bytes("second")));

    assertThat(file(id, "src/a.txt")).isEqualTo("second");
    assertThat(file(id, "b")).isEqualTo("b");
    assertThat(load(id).files()).containsExactlyInAnyOrder(new StoredFile("src/a.txt", 6, 3_000), new StoredFile("b", 1, 2_000));
    assertThat(load(id).transcripts()).isEmpty();
  }

  @Test
  default void deletesFilesAlsoWhenThereIsNone() {
    String id = create();
    await(store().saveWorkspaceFile(id, EPOCH, "a", 1, bytes("a")));
    await(store().saveWorkspaceFile(id, EPOCH, "A", 1, bytes("A")));
    append(id, "a", 0, "a transcript of the same name");
    await(store().deleteSessionFile(id, EPOCH, "a"));
    await(store().deleteSessionFile(id, EPOCH, "a"));
    await(store().deleteSessionFile(id, EPOCH, "never was"));

    refused(Kind.NOT_FOUND, store().readWorkspaceFile(id, "a", 0, 1));
    assertThat(load(id).files()).containsExactly(new StoredFile("A", 1, 1));
    assertThat(transcript(id, "a")).isEqualTo("a transcript of the same name");
  }

  @Test
  default void keepsEmptyAndBinaryFiles() {
    String id = create();
    Buffer binary = randomBytes(70_000, 6).appendBytes(new byte[10]);
    await(store().saveWorkspaceFile(id, EPOCH, "empty", 5, Buffer.buffer()));
    await(store().saveWorkspaceFile(id, EPOCH, "binary", -5, binary));

    assertThat(file(id, "empty")).isEmpty();
    assertBytes(await(store().readWorkspaceFile(id, "binary", 0, Integer.MAX_VALUE)), binary);
    assertBytes(await(store().readWorkspaceFile(id, "binary", 69_990, 100)), binary.getBuffer(69_990, 70_010));
    assertThat(await(store().readWorkspaceFile(id, "binary", 70_010, 1)).length()).isZero();
    assertThat(load(id).files()).containsExactlyInAnyOrder(new StoredFile("empty", 0, 5), new StoredFile("binary", 70_010, -5));
    refused(Kind.INVALID, store().readWorkspaceFile(id, "binary", -1, 1));
    refused(Kind.NOT_FOUND, store().readWorkspaceFile(id, "other", 0, 1));
  }

  @Test
  default void keepsItsOwnCopyOfAFile() {
    String id = create();
    Buffer given = bytes("abc");
    await(store().saveWorkspaceFile(id, EPOCH, "f", 1, given));
    given.setString(0, "xyz");
    assertThat(file(id, "f")).isEqualTo("abc");
  }

  @Test
  default void takesAFileOfFiftyMegabytes() {
    String id = create();
    Buffer content = randomBytes(50 * 1024 * 1024, 7);
    await(store().saveWorkspaceFile(id, EPOCH, "big", 1, content));

    assertBytes(await(store().readWorkspaceFile(id, "big", 0, Integer.MAX_VALUE)), content);
    int middle = 30_000_001;
    assertBytes(await(store().readWorkspaceFile(id, "big", middle, 1_000_000)), content.getBuffer(middle, middle + 1_000_000));
    await(store().saveWorkspaceFile(id, EPOCH, "big", 2, bytes("small")));
    assertThat(file(id, "big")).isEqualTo("small");
  }

  @Test
  default void readersOfAFileSeeTheOldOrTheNew() {
    String id = create();
    readersSeeTheOldOrTheNew(bytes -> store().saveWorkspaceFile(id, EPOCH, "f", 0, bytes),
        () -> store().readWorkspaceFile(id, "f", 0, Integer.MAX_VALUE),
        () -> store().inspectSession(id).map(session -> session.orElseThrow().files().getFirst().size()));
  }

  @Test
  default void aReaderOfWhatIsBeingDeletedGetsItWholeOrIsTold() {
    String id = create();
    Buffer content = randomBytes(4 * 1024 * 1024, 8);
    await(store().saveWorkspaceFile(id, EPOCH, "f", 1, content));
    var reads = new ArrayList<Future<Buffer>>();
    for (int i = 0; i < 8; i++) {
      reads.add(store().readWorkspaceFile(id, "f", 0, Integer.MAX_VALUE));
    }
    var deleted = store().deleteSession(id, EPOCH);
    for (int i = 0; i < 8; i++) {
      reads.add(store().readWorkspaceFile(id, "f", 0, Integer.MAX_VALUE));
    }
    await(deleted);
    for (var read : reads) {
      try {
        assertBytes(await(read), content);
      } catch (PersistenceException e) {
        assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND);
      }
    }
    refused(Kind.NOT_FOUND, store().readWorkspaceFile(id, "f", 0, 1));
  }
}
