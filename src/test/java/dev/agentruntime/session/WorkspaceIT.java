package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.support.Follower;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Files are told of as they change, with and without a sandbox, and are the same after an unload. */
class WorkspaceIT extends SharedRuntime {

  private static final Buffer BINARY = Buffer.buffer(new byte[] {0, 1, (byte) 0xff, (byte) 0xfe, 0});

  @Override
  Map<String, String> settings() {
    return Map.of("AGENT_RUNTIME_WORKSPACE_INLINE_FILE_BYTES", "10000");
  }

  @Test
  void withoutASandboxFilesAreThoseOfTheStore() {
    assertThat(await(runtime.sessions().writeFile(session, "a/b.txt", Buffer.buffer("one")))).isTrue();
    assertThat(await(runtime.sessions().writeFile(session, "a/b.txt", Buffer.buffer("two")))).isFalse();
    await(runtime.sessions().writeFile(session, "gone.txt", Buffer.buffer("x")));
    await(runtime.sessions().writeFile(session, "binary", BINARY));
    await(runtime.sessions().writeFile(session, "empty", Buffer.buffer()));
    await(runtime.sessions().deleteFile(session, "gone.txt"));
    assertThat(follower.events()).filteredOn(SessionEvent.FileDeleted.class::isInstance).hasSize(1);
    follower.assertFoldIsSnapshot();
    assertThat(traces.processes(session)).isEmpty();

    follower.awaitTurn(runtime.send(session, "edit a/b.txt: two -> three; delete empty").turnId());
    assertThat(read("a/b.txt")).hasToString("three");
    assertThat(read("binary")).isEqualTo(BINARY);
    assertThat(follower.fold().files().keySet()).containsExactly("a/b.txt", "binary");
    assertSameAfterUnload();
    assertThat(read("a/b.txt")).hasToString("three");
    assertThat(read("binary")).isEqualTo(BINARY);
  }

  @Test
  void inASandboxChangesFromBothSidesAreTold() throws Exception {
    follower.awaitTurn(runtime.send(session, "write a.txt: one; big 100 kb").turnId());
    follower.await(SessionEvent.FileCreated.class, e -> e.file().path().equals("a.txt") && "one".equals(e.file().content()));
    WorkspaceFile big = follower.await(SessionEvent.FileCreated.class, e -> e.file().path().equals("big.txt")).file();
    assertThat(follower.fold().files().get("big.txt").content()).isNull();
    assertThat(follower.fold().files().get("big.txt").size()).isEqualTo(102_400);
    assertThat(big.path()).isEqualTo("big.txt");

    await(runtime.sessions().writeFile(session, "put.txt", Buffer.buffer("put")));
    follower.await(SessionEvent.FileCreated.class, e -> e.file().path().equals("put.txt"));
    follower.awaitTurn(runtime.send(session, "edit put.txt: put -> changed; delete a.txt").turnId());
    assertThat(read("put.txt")).hasToString("changed");
    await(runtime.sessions().deleteFile(session, "put.txt"));
    assertRefused(ErrorCode.FILE_NOT_FOUND, "put.txt");
    assertThat(follower.fold().files().keySet()).containsExactly("big.txt");

    Path workspace = workspace();
    Files.move(workspace.resolve("big.txt"), workspace.resolve("renamed.txt"));
    Files.createDirectories(workspace.resolve("node_modules/x"));
    Files.writeString(workspace.resolve("node_modules/x/index.js"), "ignored");
    Path outside = Files.writeString(directory.resolve("outside-" + session), "not yours");
    Files.createSymbolicLink(workspace.resolve("link"), outside);
    follower.await(SessionEvent.FileCreated.class, e -> e.file().path().equals("renamed.txt"));
    follower.await(SessionEvent.FileDeleted.class, e -> e.path().equals("big.txt"));
    follower.awaitTurn(runtime.send(session, "say done").turnId());
    assertThat(follower.fold().files()).containsKey("renamed.txt").doesNotContainKey("node_modules/x/index.js");
    assertThat(follower.fold().files().values()).noneMatch(file -> String.valueOf(file.content()).contains("not yours"));
    assertThatThrownBy(() -> await(runtime.sessions().readFile(session, "link", 0, 100))).isInstanceOf(ApiException.class);
    assertThatThrownBy(() -> await(runtime.sessions().writeFile(session, "link", Buffer.buffer("mine")))).isInstanceOf(ApiException.class);
    assertThat(Files.readString(outside)).isEqualTo("not yours");
    Files.delete(workspace.resolve("link"));
    follower.assertFoldIsSnapshot();
    assertSameAfterUnload();
    assertThat(await(runtime.sessions().readFile(session, "renamed.txt", 0, 200_000)).length()).isEqualTo(102_400);
  }

  /** Whose sizes add up to nothing. */
  @Test
  void emptyFilesOfASandboxAreToldAndSaved() throws Exception {
    follower.awaitTurn(runtime.send(session, "say ready").turnId());
    assertThat(await(runtime.sessions().writeFile(session, "by-client", Buffer.buffer()))).isTrue();
    Files.createFile(workspace().resolve("by-agent"));
    follower.await(SessionEvent.FileCreated.class, e -> e.file().path().equals("by-agent"));
    await(runtime.sessions().sync(session));
    assertThat(follower.fold().files().keySet()).containsExactly("by-agent", "by-client");
    assertSameAfterUnload();
  }

  @Test
  void pathsThatLeaveTheWorkspaceAreRefused() {
    for (String path : List.of("../x", "/etc/passwd", "a/../../x", "", ".git/config", "a\0b")) {
      assertThatThrownBy(() -> await(runtime.sessions().writeFile(session, path, Buffer.buffer("x")))).isInstanceOf(ApiException.class);
      assertThatThrownBy(() -> await(runtime.sessions().readFile(session, path, 0, 1))).isInstanceOf(ApiException.class);
    }
    assertThat(follower.fold().files()).isEmpty();
  }

  private Path workspace() {
    return traces.processes("DemoAgent").stream().filter(line -> line.contains(session) && line.contains("keeper"))
        .flatMap(line -> traces.directories().stream().filter(sandbox -> line.contains(sandbox.toString())))
        .findFirst().orElseThrow().resolve("workspace");
  }

  private Buffer read(String path) {
    return await(runtime.sessions().readFile(session, path, 0, 1000));
  }

  private void assertRefused(ErrorCode code, String path) {
    assertThatThrownBy(() -> await(runtime.sessions().readFile(session, path, 0, 1))).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(code));
  }

  private void assertSameAfterUnload() {
    Map<String, Long> sizes = sizes(follower);
    unloadAndFollow();
    assertThat(follower.start.workspaceFiles().stream().collect(Collectors.toMap(WorkspaceFile::path, WorkspaceFile::size)))
        .isEqualTo(sizes);
    follower.awaitTurn(runtime.send(session, "say again").turnId());
    assertThat(sizes(follower)).isEqualTo(sizes);
    assertThat(follower.events()).noneMatch(e -> e instanceof SessionEvent.FileDeleted || e instanceof SessionEvent.FileCreated);
  }

  private static Map<String, Long> sizes(Follower follower) {
    return follower.fold().files().values().stream().collect(Collectors.toMap(WorkspaceFile::path, WorkspaceFile::size));
  }
}
