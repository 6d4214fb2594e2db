package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No more of a session's files is stored than may be, whatever an agent does to them. */
class StoredFilesIT {

  private static final int MAX_FILE_BYTES = 600_000;
  private static final int MAX_TOTAL_BYTES = 1_000_000;

  @TempDir
  Path directory;
  private final Map<String, Integer> saved = new ConcurrentHashMap<>();
  private volatile Runnable onSaveOfFirst = () -> { };
  private TestRuntime runtime;
  private String session;
  private Follower follower;

  @BeforeEach
  void open() {
    runtime = TestRuntime.start(directory, Map.of(
        "AGENT_RUNTIME_WORKSPACE_MAX_FILE_BYTES", Integer.toString(MAX_FILE_BYTES),
        "AGENT_RUNTIME_WORKSPACE_MAX_TOTAL_BYTES", Integer.toString(MAX_TOTAL_BYTES)), this::watched);
    session = runtime.newSession();
    follower = runtime.follow(session);
  }

  @AfterEach
  void close() {
    runtime.close();
    new SandboxTraces(directory).awaitNothing();
  }

  private PersistenceAdapter watched(PersistenceAdapter store) {
    return Intercepted.of(PersistenceAdapter.class, store, (method, arguments, real) -> {
      if (method.getName().equals("saveWorkspaceFile")) {
        saved.put((String) arguments[2], ((Buffer) arguments[4]).length());
        if (arguments[2].equals("first")) {
          onSaveOfFirst.run();
        }
      }
      return real.get();
    });
  }

  @Test
  void aFileThatGrowsBeforeItIsReadIsNotStored() throws Exception {
    follower.awaitTurn(runtime.send(session, "say ready").turnId());
    makeInSandbox("first", 300_000);
    makeInSandbox("second", 300_000);
    onSaveOfFirst = () -> enlarge("second", 40_000_000);
    await(runtime.sessions().sync(session));
    assertThat(saved).containsOnly(Map.entry("first", 300_000));
    follower.await(SessionEvent.FileModified.class, e -> e.file().path().equals("second") && e.file().size() == 40_000_000);
    assertThat(follower.events()).noneMatch(SessionEvent.ErrorEvent.class::isInstance);
  }

  @Test
  void aClientIsToldThatThereIsNoRoomForAFile() {
    write("first", 500_000);
    write("second", 500_000);
    assertNoRoom("third", 1);
    assertThat(follower.fold().files().keySet()).containsExactly("first", "second");

    write("second", 400_000);
    write("third", 100_000);
    assertNoRoom("third", 100_001);
    await(runtime.sessions().deleteFile(session, "first"));
    write("fourth", 500_000);
    await(runtime.sessions().unload(session));
    assertNoRoom("fifth", 1);
  }

  @Test
  void whatAnAgentMakesBeyondThatIsListedAndTold() throws Exception {
    follower.awaitTurn(runtime.send(session, "say ready").turnId());
    for (String name : new String[] {"first", "second", "third"}) {
      makeInSandbox(name, 400_000);
    }
    await(runtime.sessions().sync(session));
    makeInSandbox("fourth", 400_000);
    await(runtime.sessions().sync(session));
    assertThat(follower.fold().files().keySet()).containsExactly("first", "fourth", "second", "third");
    assertThat(saved.keySet()).containsExactlyInAnyOrder("first", "second");
    assertThat(follower.events()).filteredOn(SessionEvent.ErrorEvent.class::isInstance).singleElement().isInstanceOfSatisfying(
        SessionEvent.ErrorEvent.class, error -> {
          assertThat(error.code()).isEqualTo(ErrorCode.PAYLOAD_TOO_LARGE);
          assertThat(error.message()).contains("workspace.maxTotalBytes");
        });

    Files.delete(workspace().resolve("first"));
    follower.await(SessionEvent.FileDeleted.class, e -> e.path().equals("first"));
    await(runtime.sessions().sync(session));
    makeInSandbox("small", 1);
    await(runtime.sessions().unload(session));
    follower = runtime.follow(session);
    assertThat(follower.start.workspaceFiles().stream().map(WorkspaceFile::path)).containsExactly("second", "small");
  }

  private void write(String path, int size) {
    await(runtime.sessions().writeFile(session, path, Buffer.buffer(new byte[size])));
  }

  private void assertNoRoom(String path, int size) {
    assertThatThrownBy(() -> write(path, size)).isInstanceOfSatisfying(ApiException.class, refusal -> {
      assertThat(refusal.code()).isEqualTo(ErrorCode.PAYLOAD_TOO_LARGE);
      assertThat(refusal.getMessage()).contains("workspace.maxTotalBytes");
    });
  }

  private void makeInSandbox(String name, int size) throws IOException {
    Path staged = Files.write(directory.resolve("staged-" + name), new byte[size]);
    Files.move(staged, workspace().resolve(name));
    follower.await(SessionEvent.FileCreated.class, e -> e.file().path().equals(name) && e.file().size() == size);
  }

  private void enlarge(String name, long size) {
    try (RandomAccessFile file = new RandomAccessFile(workspace().resolve(name).toFile(), "rw")) {
      file.setLength(size);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path workspace() {
    return new SandboxTraces(directory).directories().getFirst().resolve("workspace");
  }
}
