package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalRig.await;
import static dev.agentruntime.sandbox.modal.ModalRig.failure;
import static dev.agentruntime.sandbox.modal.ModalRig.start;
import static dev.agentruntime.sandbox.modal.ModalRig.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteRequest;
import dev.agentruntime.support.modal.Fault;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Input arrives once, whole and in order. */
@Execution(ExecutionMode.CONCURRENT)
class StdinTest {

  private static final String TO_FILE = "cat >/tmp/input";

  @TempDir
  private Path directory;
  private ModalRig rig;
  private CommandRouter router;

  @BeforeEach
  void make() {
    rig = new ModalRig(directory.resolve("modal"));
    router = rig.router();
  }

  @AfterEach
  void end() {
    rig.close();
  }

  private static Buffer bytes(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return Buffer.buffer(bytes);
  }

  private void assertInput(String execId, Buffer expected) {
    assertThat(await(router.exit(execId))).isZero();
    assertThat(rig.modal.path(router.sandboxId(), "/tmp/input")).hasBinaryContent(expected.getBytes());
  }

  @Test
  void aWriteWhoseAnswerWasLostIsSentAgainAndTakenOnce() {
    String execId = start(router, TO_FILE);
    rig.modal.meet(ModalRpc.EXEC_STDIN_WRITE, 2, Fault.loseAnswer());
    await(router.write(execId, 0, Buffer.buffer("one\n"), false));
    await(router.write(execId, 4, Buffer.buffer("two\n"), true));
    assertThat(rig.modal.recorded(ModalRpc.EXEC_STDIN_WRITE)).extracting(call -> ((TaskExecStdinWriteRequest) call.question()).getOffset())
        .containsExactly(0L, 0L, 0L, 4L);
    assertInput(execId, Buffer.buffer("one\ntwo\n"));
    assertThat(await(router.stdinStatus(execId)).getNumBytesWritten()).isEqualTo(8);
  }

  @Test
  void whatIsWrittenToAProcessThatHasEndedIsRefused() {
    String execId = start(router, "true");
    await(router.exit(execId));
    SandboxException failure = failure(router.write(execId, 0, Buffer.buffer("late\n"), false));
    assertThat(ModalStatusException.statusOf(failure)).contains(GrpcStatus.FAILED_PRECONDITION);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 262_144, 700_000})
  void anUploadArrivesWhole(int length) {
    String execId = start(router, TO_FILE);
    await(router.upload(execId, StdinSource.of(bytes(length))));
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIN_WRITE_STREAM)).isOne();
    assertInput(execId, bytes(length));
  }

  @ParameterizedTest
  @EnumSource(value = GrpcStatus.class, names = {"DEADLINE_EXCEEDED", "UNAVAILABLE", "CANCELLED", "INTERNAL", "UNKNOWN"})
  void anUploadThatIsCutOffGoesOnWhereTheWorkerSays(GrpcStatus status) {
    String execId = start(router, TO_FILE);
    rig.modal.meet(ModalRpc.EXEC_STDIN_WRITE_STREAM, 2, Fault.breakAfter(262_144, status));
    AtomicInteger fromStart = new AtomicInteger();
    StdinSource source = StdinSource.of(bytes(700_000));
    await(router.upload(execId, (offset, length) -> {
      fromStart.addAndGet(offset == 0 ? 1 : 0);
      return source.read(offset, length);
    }));
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIN_WRITE_STREAM)).isEqualTo(3);
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIN_STATUS)).isEqualTo(2);
    assertThat(fromStart.get()).as("what the worker has is not sent again").isOne();
    assertInput(execId, bytes(700_000));
  }

  @Test
  void anUploadWhoseLastAnswerWasLostIsDone() {
    String execId = start(router, TO_FILE);
    rig.modal.meet(ModalRpc.EXEC_STDIN_WRITE_STREAM, Fault.loseAnswer());
    await(router.upload(execId, StdinSource.of(bytes(300_000))));
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIN_WRITE_STREAM)).isOne();
    assertInput(execId, bytes(300_000));
  }

  @Test
  void anUploadWhoseConnectionBreaksGoesOn() {
    String execId = start(router, TO_FILE);
    StdinSource source = StdinSource.of(bytes(2_000_000));
    AtomicInteger reads = new AtomicInteger();
    await(router.upload(execId, (offset, length) -> {
      Promise<Void> ready = Promise.promise();
      if (reads.incrementAndGet() == 4) {
        Thread.ofPlatform().start(() -> {
          rig.modal.killConnections();
          ready.complete();
        });
      } else {
        ready.complete();
      }
      return ready.future().compose(now -> source.read(offset, length));
    }));
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIN_WRITE_STREAM)).isGreaterThan(1);
    assertInput(execId, bytes(2_000_000));
  }

  @Test
  void anUploadIsTakenUpAgainNineTimes() {
    String execId = start(router, TO_FILE);
    rig.modal.meet(ModalRpc.EXEC_STDIN_WRITE_STREAM, 10, Fault.refuse(GrpcStatus.UNAVAILABLE));
    assertThat(failure(router.upload(execId, StdinSource.of(bytes(10)))).kind()).isEqualTo(Kind.FAILED);
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIN_WRITE_STREAM)).isEqualTo(10);
  }

  @Test
  void anUploadReplacesAJwtThatHasExpired() {
    rig.modal.routerTokenLifetime(Duration.ofMinutes(1));
    router = rig.router();
    String execId = start(router, TO_FILE);
    rig.modal.timePasses(Duration.ofMinutes(2));
    await(router.upload(execId, StdinSource.of(bytes(300_000))));
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS)).isOne();
    assertInput(execId, bytes(300_000));
  }

  @Test
  void aProcessThatEndsBeforeItHasReadAllIsGone() {
    String execId = start(router, "exit 9");
    await(router.exit(execId));
    SandboxException failure = failure(router.upload(execId, StdinSource.of(bytes(3_000_000))));
    assertThat(failure.kind()).isEqualTo(Kind.GONE);
    assertThat(failure).hasMessageContaining("ended with 9");
  }

  @Test
  void anUploadThatTheWorkerBreaksOffIsGone() {
    String execId = start(router, "exit 9");
    await(router.exit(execId));
    rig.modal.meet(ModalRpc.EXEC_STDIN_WRITE_STREAM, Fault.refuse(GrpcStatus.ABORTED));
    SandboxException failure = failure(router.upload(execId, StdinSource.of(bytes(10))));
    assertThat(failure.kind()).isEqualTo(Kind.GONE);
    assertThat(failure).hasMessageContaining("ended with 9");
  }

  @Test
  void anInputThatSomebodyElseHasEndedFailsTheUpload() {
    String execId = start(router, "cat >/dev/null; read -r never <>/tmp/none || sleep 1000");
    await(router.write(execId, 0, Buffer.buffer("x"), true));
    rig.modal.meet(ModalRpc.EXEC_STDIN_WRITE_STREAM, Fault.refuse(GrpcStatus.UNAVAILABLE));
    assertThat(failure(router.upload(execId, StdinSource.of(bytes(10)))).kind()).isEqualTo(Kind.GONE);
  }

  @Test
  void aSourceThatFailsFailsTheUploadAndTheInputStaysOpen() {
    String execId = start(router, TO_FILE);
    Future<Void> upload = router.upload(execId, (offset, length) -> offset == 0
        ? Future.succeededFuture(Buffer.buffer("half"))
        : Future.failedFuture(new SandboxException(Kind.FAILED, "the disk is away")));
    assertThat(failure(upload)).hasMessage("the disk is away");
    until(() -> await(router.stdinStatus(execId)).getNumBytesWritten() <= 4);
    assertThat(await(router.stdinStatus(execId)).getClosed()).isFalse();
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIN_WRITE_STREAM)).isOne();
  }
}
