package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.Output;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxContract;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxNeeds;
import dev.agentruntime.sandbox.SandboxPath;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.sandbox.SandboxProcess.Signal;
import dev.agentruntime.sandbox.SandboxProvider;
import dev.agentruntime.sandbox.SandboxSpec;
import dev.agentruntime.sandbox.SuppliedFiles;
import dev.agentruntime.sandbox.SuppliedFiles.SuppliedFile;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.modal.FakeModal;
import dev.agentruntime.support.modal.Fault;
import dev.agentruntime.support.modal.RecordedCall;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The contract of sandboxes, on Modal's. */
@Execution(ExecutionMode.CONCURRENT)
class ModalSandboxIT extends SandboxContract {

  @TempDir
  private Path directory;
  @AutoClose
  private final Vertx vertx = Vertx.vertx();
  /** Ended after the sandboxes. */
  @AutoClose
  private FakeModal modal;

  @Override
  protected SandboxProvider newProvider() {
    if (modal == null) {
      modal = FakeModal.start(directory.resolve("modal"));
    }
    return new ModalSandboxProvider(vertx, clientOptions(modal), options());
  }

  @Test
  void aSupervisorThatIsLostIsReplacedAndNothingOfTheOutputIs() throws Exception {
    SandboxProcess process = start("for i in 1 2 3 4 5; do echo line $i; read line; done; head -c 3000000 /dev/zero; read line");
    Output output = new Output();
    Future<Void> reading = process.readStdout(0, output);
    for (int i = 1; i <= 5; i++) {
      output.awaitText("line " + i + "\n");
      // Its answer dies with what answers.
      assertFails(sandbox.run(shell("kill -9 $(cut -d' ' -f1 /agent/supervisor)"), PATIENCE), Kind.FAILED);
      assertThat(await(sandbox.files().list(SandboxPath.workspace(""))).files()).isEmpty();
      await(process.writeStdin(Buffer.buffer("\n")));
    }
    output.await(text -> text.length() == 3_000_035);
    await(process.signal(Signal.KILL));
    await(reading);
    assertThat(await(process.exit())).isEqualTo(137);
    assertThat(output.length()).isEqualTo(3_000_035);
  }

  @Test
  void whoComesLaterTakesTheSandboxAndTheOneBeforeKnows() throws Exception {
    SandboxProcess process = start("echo up; exec sleep 600");
    Output before = new Output();
    process.readStdout(0, before);
    before.awaitText("up");
    Sandbox taken = await(startProvider().attach(sandbox.id(), 2));
    Output after = new Output();
    await(taken.attach(process.id())).readStdout(0, after);
    after.awaitText("up");
    assertThat(await(process.exit())).isEqualTo(-1);
    assertFails(sandbox.files().list(SandboxPath.workspace("")), Kind.GONE);
    assertThat(await(taken.files().list(SandboxPath.workspace(""))).files()).isEmpty();
  }

  @Test
  void theFilesOfAnImageArePackedWhenItIsAskedForAndNotForEachSandbox() throws Exception {
    List<SuppliedFile> files = List.of(new SuppliedFile("mcp/words.txt", Buffer.buffer("in the image"), false));
    AtomicInteger packed = new AtomicInteger();
    SuppliedFiles supplied = new SuppliedFiles(SuppliedFiles.digestOf(files), () -> {
      packed.incrementAndGet();
      return files;
    });
    SandboxNeeds needs = new SandboxNeeds(List.of(), List.of(), List.of(), List.of(), supplied, SandboxNeeds.Wishes.NONE);
    for (int i = 0; i < 2; i++) {
      Sandbox equipped = await(provider.create(new SandboxSpec("session", IGNORED, "creation-" + i, "", 1, needs), said -> { }));
      assertThat(equipped.supplied(SuppliedFiles.NONE)).isNull();
      assertThat(modal.path(equipped.id(), equipped.supplied(supplied)).resolve("mcp/words.txt")).hasContent("in the image");
      await(equipped.terminate());
    }
    assertThat(packed).hasValue(1);
  }

  /** It has lost its supervisor, and the next is a while on its way. */
  @Test
  void whoWasCutOffDoesNotTakeTheSandboxFromTheOneThatCameMeanwhile() throws Exception {
    SandboxProcess process = start("echo up; read line; echo $line");
    modal.meet(ModalRpc.EXEC_START, Fault.delay(Duration.ofSeconds(2)));
    assertFails(sandbox.run(shell("kill -9 $(cut -d' ' -f1 /agent/supervisor)"), PATIENCE), Kind.FAILED);
    Sandbox taken = await(startProvider().attach(sandbox.id(), 2));
    SandboxProcess kept = await(taken.attach(process.id()));
    Output output = new Output();
    Future<Void> reading = kept.readStdout(0, output);
    assertFails(sandbox.files().list(SandboxPath.workspace("")), Kind.GONE);
    assertThat(await(process.exit())).isEqualTo(-1);
    await(kept.writeStdin(Buffer.buffer("still here\n")));
    await(reading);
    assertThat(output.text()).isEqualTo("up\nstill here\n");
    assertThat(await(kept.exit())).isZero();
  }

  /** There is no space for a word more where processes are noted down. */
  @Test
  void aProcessThatCannotBeNotedDownIsNotLeftRunning() {
    // Full before it is there: from then on this process, too, may be one that cannot be noted down, and be ended.
    String fill = "mkdir /agent/full && mount -t tmpfs -o size=4k none /agent/full && head -c 4096 /dev/zero >/agent/full/all";
    assertFails(sandbox.run(shell(fill + " && mount --bind /agent/full /agent/proc"), PATIENCE), Kind.FAILED);
    String id = Sandbox.newProcessId();
    assertFails(sandbox.start(id, shell("exec sleep 600")), Kind.FAILED);
    assertThat(ProcessHandle.allProcesses().filter(process -> environment(process).contains(id))).isEmpty();
  }

  private static String environment(ProcessHandle process) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(process.pid()), "environ"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }

  /** Whatever the servers' clocks say. */
  @Test
  void whoOwnedTheSessionBeforeDoesNotTakeTheSandboxThoughItAsksLater() throws Exception {
    Sandbox taken = await(startProvider().attach(sandbox.id(), 3));
    assertFails(startProvider().attach(sandbox.id(), 2), Kind.GONE);
    assertThat(await(taken.files().list(SandboxPath.workspace(""))).files()).isEmpty();
    assertFails(taken.run(shell("kill -9 $(cut -d' ' -f1 /agent/supervisor)"), PATIENCE), Kind.FAILED);
    assertFails(startProvider().attach(sandbox.id(), 2), Kind.GONE);
    assertThat(await(taken.files().list(SandboxPath.workspace(""))).files()).isEmpty();
  }

  /** Its server may have been killed since. */
  @Test
  void aSupervisorThatIsLateDoesNotTakeTheSandboxFromOneThatWasAskedForAfterIt() throws Exception {
    SandboxProcess process = start("echo up; read line; echo $line");
    modal.meet(ModalRpc.EXEC_START, Fault.delay(Duration.ofSeconds(2)));
    modal.forgetCalls();
    Future<Sandbox> late = startProvider().attach(sandbox.id(), 2);
    SandboxTraces.await(() -> modal.calls(ModalRpc.EXEC_START) == 1, () -> "it does not start");
    Sandbox taken = await(startProvider().attach(sandbox.id(), 3));
    SandboxProcess kept = await(taken.attach(process.id()));
    Output output = new Output();
    Future<Void> reading = kept.readStdout(0, output);
    assertFails(late, Kind.GONE);
    await(kept.writeStdin(Buffer.buffer("still here\n")));
    await(reading);
    assertThat(output.text()).isEqualTo("up\nstill here\n");
    assertThat(await(kept.exit())).isZero();
  }

  @Test
  void whoComesLaterKnowsWhetherTheProcessHasWhatTheOneBeforeMeantToGiveIt() throws Exception {
    SandboxProcess process = start("while read line; do echo $line; done");
    assertThat(await(process.mayHave("first"))).isFalse();
    await(process.writeStdin(Buffer.buffer("one\n"), "first"));
    await(process.writeStdin(Buffer.buffer("without\n")));
    Sandbox taken = await(startProvider().attach(sandbox.id(), 2));
    SandboxProcess kept = await(taken.attach(process.id()));
    assertThat(await(kept.mayHave("first"))).isTrue();
    assertFails(process.writeStdin(Buffer.buffer("two\n"), "second"), Kind.GONE);
    assertThat(await(kept.mayHave("second"))).isFalse();
    Output output = new Output();
    kept.readStdout(0, output);
    output.awaitText("one\nwithout\n");
    assertThat(run(taken, "rm /agent/proc/" + process.id() + "/in.mark")).isZero();
    assertThat(await(kept.mayHave("second"))).isTrue();
  }

  private static int run(Sandbox in, String script) throws Exception {
    return await(in.run(shell(script), PATIENCE)).exitCode();
  }

  /** Modal is slow to say that it has ended, and its worker is quick. */
  @Test
  void nothingIsAskedOfASandboxThatIsToEnd() throws Exception {
    SandboxProcess process = start("echo up; exec sleep 600");
    Output output = new Output();
    process.readStdout(0, output);
    output.awaitText("up");
    modal.forgetCalls();
    modal.meet(ModalRpc.SANDBOX_WAIT, Fault.delay(Duration.ofSeconds(1)));
    await(provider.terminate(sandbox.id()));
    assertThat(modal.recorded()).extracting(RecordedCall::name)
        .startsWith(ModalRpc.SANDBOX_TERMINATE.name()).containsOnly(ModalRpc.SANDBOX_TERMINATE.name(), ModalRpc.SANDBOX_WAIT.name());
    assertThat(await(process.exit())).isEqualTo(-1);
    assertFails(sandbox.files().list(SandboxPath.workspace("")), Kind.GONE);
  }

  static ModalClientOptions clientOptions(FakeModal modal) {
    return ModalClientOptions.of(URI.create(modal.url()), modal.environment().get("MODAL_TOKEN_ID"),
        modal.environment().get("MODAL_TOKEN_SECRET"));
  }

  static ModalSandboxOptions options() {
    return new ModalSandboxOptions("tests", "", "", "the-runtime", "node:22-trixie-slim", 1000, 2048, List.of(), "open", List.of(), List.of(),
        TimeUnit.HOURS.toMillis(24), TimeUnit.HOURS.toMillis(1), 300_000, 60_000, 60_000);
  }
}
