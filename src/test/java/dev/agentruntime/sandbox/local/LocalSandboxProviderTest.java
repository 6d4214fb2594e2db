package dev.agentruntime.sandbox.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.Output;
import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.sandbox.SandboxProcess.Signal;
import dev.agentruntime.sandbox.SandboxProvider;
import dev.agentruntime.sandbox.SandboxProvider.SandboxInfo;
import dev.agentruntime.sandbox.SandboxSpec;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What holds for sandboxes of this machine alone. */
@Execution(ExecutionMode.CONCURRENT)
class LocalSandboxProviderTest extends LocalSandboxFixture {

  @Test
  void isForItsOwnerOnly() throws Exception {
    for (Path path : List.of(root.resolve(sandbox.id()), Path.of(sandbox.workspace()), Path.of(sandbox.home()))) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path))).isEqualTo("rwx------");
    }
  }

  @Test
  void givesNothingOfTheServersEnvironment() throws Exception {
    assertThat(run("env").stdout().lines().map(line -> line.substring(0, line.indexOf('=')))).containsOnly("PATH", "HOME", "TMPDIR", "USER",
        "LOGNAME", "SHELL", "LANG", "TERM", "PWD", "AGENT_RUNTIME_SANDBOX_ID", "AGENT_RUNTIME_PROCESS_ID");
  }

  @Test
  void doesNotTellAValueThatNoProcessCanBeGiven() {
    Future<SandboxProcess> started = sandbox.start(new ProcessSpec(List.of("true"), Map.of("KEY", "secret\0value")));
    assertFails(started, Kind.FAILED);
    assertThat(started.cause().toString()).doesNotContain("secret");
    assertThat(started.cause().getCause()).isNull();
  }

  @Test
  void leavesNothingOfASandboxThatCouldNotBeMade() throws Exception {
    Path other = root.resolve("other");
    SandboxProvider broken = new LocalSandboxProvider(other);
    await(broken.start());
    Files.delete(other);
    Files.createFile(other);
    Future<Sandbox> made = broken.create(new SandboxSpec("s", List.of()), step -> { });
    assertFails(made, Kind.FAILED);
    assertThat(made.cause().getMessage()).doesNotContain(root.toString());
    await(broken.close());
  }

  @Test
  void worksInADirectoryThatIsReachedThroughALink() throws Exception {
    Path link = Files.createSymbolicLink(root.resolve("link"), Files.createDirectory(root.resolve("real")));
    SandboxProvider linked = new LocalSandboxProvider(link.resolve("sandboxes"));
    await(linked.start());
    try {
      sandbox = await(linked.create(new SandboxSpec("s", List.of()), step -> { }));
      run("echo x >file; ln -s file inside");
      assertThat(list()).containsExactly("file", "inside");
      await(sandbox.terminate());
    } finally {
      await(linked.close());
    }
  }

  @Test
  void removesWhatIsLeftOfASandbox() throws Exception {
    Path old = Files.createDirectories(root.resolve("0123456789abcdef0123").resolve("workspace")).getParent();
    Path young = Files.createDirectories(root.resolve("0123456789abcdef0124"));
    Path foreign = Files.createDirectories(root.resolve("something else"));
    for (Path path : List.of(old, foreign)) {
      Files.setLastModifiedTime(path, FileTime.fromMillis(System.currentTimeMillis() - 120_000));
    }
    startProvider();
    assertThat(old).doesNotExist();
    assertThat(young).exists();
    assertThat(foreign).exists();
  }

  /** Or a session that goes on in it would take what is removed already for deleted by its agent. */
  @Test
  void nothingIsUsedOfASandboxThatIsBeingRemoved() throws Exception {
    run("mkdir many && cd many && seq 20000 | xargs touch");
    SandboxProvider later = startProvider();
    Future<Void> ended = sandbox.terminate();
    Path many = Path.of(sandbox.workspace()).resolve("many");
    while (!ended.isComplete() && names(many) == 20_000) {
      Thread.onSpinWait();
    }
    assertFails(later.attach(sandbox.id(), 0), Kind.GONE);
    await(ended);
  }

  private static long names(Path folder) throws IOException {
    try (Stream<Path> names = Files.list(folder)) {
      return names.count();
    } catch (NoSuchFileException | UncheckedIOException e) {
      return 0;
    }
  }

  @Test
  void removesWhatIsLeftOfASandboxWhoseEndWasCutShort() throws Exception {
    List<SandboxInfo> listed = await(provider.list());
    Path left = root.resolve(sandbox.id());
    Files.move(left.resolve("sandbox.json"), left.resolve("ended.json"));
    assertThat(await(provider.list())).hasSize(1).isEqualTo(listed);
    await(provider.terminate(sandbox.id()));
    assertThat(left).doesNotExist();

    sandbox = create();
    left = root.resolve(sandbox.id());
    Files.move(left.resolve("sandbox.json"), left.resolve("ended.json"));
    startProvider();
    assertThat(left).doesNotExist();
  }

  @Test
  void listsASandboxWhoseFactsAreBrokenAsNobodys() throws Exception {
    Files.writeString(root.resolve(sandbox.id()).resolve("sandbox.json"), "{\"sess");
    assertThat(await(startProvider().list())).extracting(SandboxInfo::sandboxId, SandboxInfo::sessionId)
        .containsExactly(org.assertj.core.groups.Tuple.tuple(sandbox.id(), ""));
  }

  @Test
  void removesWhatResistsRemoval() throws Exception {
    run("mkdir -p ro/ro; echo x >ro/ro/file; chmod 0 ro/ro/file ro/ro; chmod 500 ro; ln -s \"$HOME\" link; mkfifo pipe;"
        + "i=0; while [ $i -lt 60 ]; do d=" + "d".repeat(100) + "; mkdir $d && cd -P $d || exit 1; i=$((i+1)); done; echo x >deep");
    await(sandbox.terminate());
    assertThat(root.resolve(sandbox.id())).doesNotExist();
  }

  @Test
  void doesNotFollowLinksWhenItRemoves(@TempDir Path elsewhere) throws Exception {
    Files.writeString(elsewhere.resolve("file"), "kept");
    Files.createSymbolicLink(Path.of(sandbox.workspace()).resolve("link"), elsewhere);
    await(sandbox.terminate());
    assertThat(elsewhere.resolve("file")).hasContent("kept");
  }

  /** An agent runs as the same user and can spoil what is known of it; that costs it its own result at most. */
  @Test
  void endsASandboxThatItsAgentHasSpoilt(@TempDir Path elsewhere) throws Exception {
    Files.writeString(elsewhere.resolve("file"), "kept");
    for (String deed : List.of("for p in ../proc/*; do echo rubbish >$p/pid; echo done; echo rubbish >$p/exit; done", "rm -rf ../proc", "rm -rf ../proc; echo x >../proc",
        "truncate -s 3G ../sandbox.json ../proc/*/pid; for p in ../proc/*; do truncate -s 3G $p/exit; done",
        "rm ../sandbox.json ../proc/*/pid; mkfifo ../sandbox.json; for p in ../proc/*; do mkfifo $p/pid $p/exit; done",
        "d=$(cd .. && pwd); rm -rf \"$d\"; ln -s '" + elsewhere + "' \"$d\"", "rm -rf ../sandbox.json ../workspace")) {
      sandbox = create();
      SandboxProcess process = start("echo $PPID; read line; " + deed + "; echo done; exec sleep 600");
      Output output = new Output();
      process.readStdout(0, output);
      String keeper = output.await(text -> text.endsWith("\n")).strip();
      await(process.writeStdin(Buffer.buffer("\n")));
      output.awaitText("done\n");
      Sandbox other = create();
      await(provider.terminate(sandbox.id()));
      sandbox = other;
      assertThat(await(process.exit())).as(deed).isIn(-1, 137);
      awaitGone(keeper);
    }
    assertThat(elsewhere.resolve("file")).hasContent("kept");
  }

  @Test
  void endsWhatHasLeftItsGroupSessionAndParent() throws Exception {
    SandboxProcess process = start("(setsid sleep 600 & echo $!); (setsid sh -c 'echo $$; sleep 601 & echo $!; exit' &) ; exec sleep 602");
    Output output = new Output();
    process.readStdout(0, output);
    List<String> pids = output.await(text -> text.chars().filter(c -> c == '\n').count() == 3).lines().toList();
    Sandbox other = create();
    await(sandbox.terminate());
    sandbox = other;
    for (String pid : pids) {
      awaitGone(pid);
    }
  }

  @Test
  void signalsWhatHasLeftTheSession() throws Exception {
    SandboxProcess process = start("trap : TERM; (setsid sh -c 'trap \"echo signalled\" TERM; echo up; while :; do sleep 0.1; done' &);"
        + "while :; do sleep 0.1; done");
    Output output = new Output();
    process.readStdout(0, output);
    output.awaitText("up");
    await(process.signal(Signal.TERM));
    output.awaitText("signalled");
  }

  @Test
  void endsWhatThrewTheMarkAway() throws Exception {
    SandboxProcess process = start("env -i sleep 600 & echo $!; env -i setsid sleep 601 & echo $! up; wait");
    Output output = new Output();
    process.readStdout(0, output);
    List<String> pids = output.awaitText("up").replace(" up", "").lines().toList();
    Sandbox other = create();
    await(sandbox.terminate());
    sandbox = other;
    for (String pid : pids) {
      awaitGone(pid);
    }
  }

  @Test
  void tellsOfTheEndOfAProcessWhoseKeeperWasKilled() throws Exception {
    SandboxProcess process = start("echo $$; exec sleep 600");
    Output output = new Output();
    Future<Void> reading = process.readStdout(0, output);
    String child = output.await(text -> text.endsWith("\n")).strip();
    ProcessHandle.of(keeper(process)).orElseThrow().destroyForcibly();
    assertThat(await(process.exit())).isEqualTo(-1);
    await(reading);
    awaitGone(child);
  }

  /** The number of a process that ended long ago may be another's now. */
  @Test
  void takesNoOtherProcessForItsOwn() throws Exception {
    SandboxProcess process = start("printf output");
    await(process.exit());
    Process stranger = new ProcessBuilder("sleep", "600").start();
    try {
      Path directory = processDirectory(process);
      Files.delete(directory.resolve("exit"));
      String identity = Files.readString(directory.resolve("pid")).strip().split(" ")[1];
      for (String claimed : List.of(identity.equals("-") ? "boot/1" : identity, "-")) {
        Files.writeString(directory.resolve("pid"), stranger.pid() + " " + claimed + "\n");
        sandbox = restart();
        SandboxProcess again = await(sandbox.attach(process.id()));
        assertThat(await(again.exit())).isEqualTo(-1);
        await(again.signal(Signal.KILL));
      }
      await(sandbox.terminate());
      assertThat(stranger.isAlive()).isTrue();
    } finally {
      stranger.destroyForcibly();
    }
  }

  @Test
  void endsALineThatADeadServerBegan() throws Exception {
    SandboxProcess process = start("while read -r line; do printf '%s\\n' \"$line\" | cut -c 1-20; done");
    await(process.writeStdin(Buffer.buffer("{\"half\":")));
    Files.createFile(processDirectory(process).resolve("in.partial"));
    sandbox = restart();
    SandboxProcess again = await(sandbox.attach(process.id()));
    await(again.writeStdin(Buffer.buffer("whole\n")));
    await(again.writeStdin(Buffer.buffer("x".repeat(2000) + "\n")));
    await(again.writeStdin(Buffer.buffer("next\n")));
    Output output = new Output();
    again.readStdout(0, output);
    assertThat(output.awaitText("next\n")).isEqualTo("{\"half\":\nwhole\n" + "x".repeat(20) + "\nnext\n");
  }

  @Test
  void saysAnythingWhereThereAreMoreFoldersThanMayBeWatched() throws Exception {
    SandboxProvider provider = new LocalSandboxProvider(root, LocalSandboxOptions.defaults().withWatchedDirectories(2));
    await(provider.start());
    try {
      sandbox = await(provider.create(new SandboxSpec("s", IGNORED), step -> { }));
      write("a/b/c", "x");
      start("exec sleep 600");
      BlockingQueue<String> hints = new LinkedBlockingQueue<>();
      sandbox.watch(hint -> hints.add(hint.path()));
      for (int i = 0; i < 3; i++) {
        assertThat(hints.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isEmpty();
      }
    } finally {
      await(provider.close());
    }
  }

  @Test
  void leavesTheOldFileWhenTheNewOneCannotBeWritten() throws Exception {
    write("file", "old");
    Path staging = root.resolve(sandbox.id()).resolve("staging");
    Files.delete(staging);
    Files.createFile(staging);
    assertFails(sandbox.files().write(List.of(file("file", "new"))), Kind.FAILED);
    assertThat(readFile("file")).isEqualTo("old");
  }

  private long keeper(SandboxProcess process) throws IOException {
    return Long.parseLong(Files.readString(processDirectory(process).resolve("pid")).split(" ")[0]);
  }

  private Path processDirectory(SandboxProcess process) {
    return root.resolve(sandbox.id()).resolve("proc").resolve(process.id());
  }
}
