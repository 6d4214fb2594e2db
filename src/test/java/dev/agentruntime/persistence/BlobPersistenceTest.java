package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.examples.FolderPersistence;
import dev.agentruntime.persistence.PersistenceException.Kind;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the contract cannot know of a store of blobs: damage, and a process that died in the middle. */
class BlobPersistenceTest implements StoreUnderTest {

  private final Vertx vertx = Vertx.vertx();
  private PersistenceAdapter store;

  @TempDir
  Path root;

  @Override
  public PersistenceAdapter store() {
    return store;
  }

  @BeforeEach
  void open() {
    store = new FolderPersistence(vertx, root);
    await(store.start());
  }

  @AfterEach
  void close() {
    await(store.close());
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  private Path headOfTheSession() throws IOException {
    try (Stream<Path> heads = Files.list(root.resolve("sessions"))) {
      return heads.findFirst().orElseThrow();
    }
  }

  @Test
  void aRecordThatIsDamagedIsAFailure() throws IOException {
    String id = create();
    Files.writeString(headOfTheSession(), "rubbish");
    for (Future<?> call : List.of(store.findSession(id), store.inspectSession(id), store.loadSession(id, EPOCH), store.listAllSessions(10, null),
        store.listRecoverableSessions(10, null), store.saveTranscript(id, EPOCH, "t", 0, bytes("x")), store.deleteSession(id, EPOCH))) {
      assertThat(refused(Kind.UNAVAILABLE, call)).hasMessage("the store cannot be read or written");
    }
  }

  /** A link that leads to itself: nobody can say what is in it, or that nothing is. */
  @Test
  void whatCannotBeLookedAtIsAFailureAndNotEmpty() throws IOException {
    String id = create();
    for (String folder : List.of("sessions", "profiles")) {
      Path moved = root.resolve(folder);
      if (Files.exists(moved)) {
        Files.move(moved, root.resolve("away"));
      }
      Files.createSymbolicLink(moved, moved);
    }
    for (Future<?> call : List.of(store.findSession(id), store.inspectSession(id), store.loadSession(id, EPOCH), store.listAllSessions(10, null),
        store.listRecoverableSessions(10, null), store.listAgentProfiles(), store.loadAgentProfile("p"), store.ping(),
        store.createSessionRecord(record(id), EPOCH), store.deleteSession(id, EPOCH), store.deleteAgentProfile("p", "v"))) {
      refused(Kind.UNAVAILABLE, call);
    }
  }

  /** The record goes first. */
  @Test
  void whatAnErasureThatWasCutOffHasLeftIsNobodys() throws IOException {
    String id = create();
    append(id, "t", 0, "said");
    await(store.saveWorkspaceFile(id, EPOCH, "f", 1, bytes("kept")));
    Files.delete(headOfTheSession());

    refused(Kind.NOT_FOUND, store.readTranscript(id, "t", 0, 4));
    refused(Kind.NOT_FOUND, store.readWorkspaceFile(id, "f", 0, 4));
    assertThat(await(store.inspectSession(id))).isEmpty();
    await(store.createSessionRecord(record(id), EPOCH));
    assertThat(load(id)).isEqualTo(new StoredSession(record(id), List.of(), List.of()));
  }
}
