package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalRig.await;
import static dev.agentruntime.sandbox.modal.ModalRig.failure;
import static dev.agentruntime.sandbox.modal.ModalRig.read;
import static dev.agentruntime.sandbox.modal.ModalRig.shell;
import static dev.agentruntime.sandbox.modal.ModalRig.start;
import static dev.agentruntime.sandbox.modal.ModalRig.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.SandboxGetCommandRouterAccessRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStartRequest;
import dev.agentruntime.sandbox.modal.proto.TaskSnapshotFilesystemRequest;
import dev.agentruntime.support.FreePort;
import dev.agentruntime.support.modal.Fault;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import io.vertx.grpc.common.GrpcStatus;
import java.net.ConnectException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Processes on a worker, and what becomes of calls to it that fail. Its streams have tests of their own. */
@Execution(ExecutionMode.CONCURRENT)
class CommandRouterTest {

  @TempDir
  private Path directory;
  private ModalRig rig;
  private CommandRouter router;

  @BeforeEach
  void make() {
    rig = new ModalRig(directory.resolve("modal"), options -> options.withTimes(20_000, 2000, 20_000));
    router = rig.router();
    rig.modal.forgetCalls();
  }

  @AfterEach
  void end() {
    rig.close();
  }

  @Test
  void aProcessGetsItsArgumentsItsEnvironmentAndItsFolder() {
    ExecSpec exec = new ExecSpec(UUID.randomUUID().toString(), List.of("sh", "-c", "echo \"$1|$SECRET|$PWD\"; exit 3", "sh", "a b"),
        Map.of("SECRET", "s€cret"), "/tmp", null);
    await(router.start(exec));
    assertThat(read(router, exec.execId(), 0)).isEqualTo("a b|s€cret|/tmp\n");
    assertThat(await(router.exit(exec.execId()))).isEqualTo(3);
    assertThat(await(router.poll(exec.execId()))).isEqualTo(OptionalInt.of(3));
    TaskExecStartRequest sent = (TaskExecStartRequest) rig.modal.recorded(ModalRpc.EXEC_START).getFirst().question();
    assertThat(sent.getEnvCount()).isZero();
    assertThat(sent.getSecretSources(0).getEnv().getContentsMap()).containsEntry("SECRET", "s€cret");
    assertThat(rig.modal.recorded(ModalRpc.EXEC_START).getFirst().headers().names())
        .contains("authorization").noneMatch(name -> name.startsWith("x-modal"));
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS)).as("the creation told").isZero();
  }

  @Test
  void aSignalThatEndedAProcessIsToldAsAShellDoes() {
    String execId = start(router, "kill -TERM $$");
    assertThat(await(router.exit(execId))).isEqualTo(128 + 15);
    assertThat(await(router.poll(execId))).isEqualTo(OptionalInt.of(128 + 15));
  }

  @Test
  void aProcessThatRunsHasNoExitCode() {
    String execId = start(router, "read line");
    assertThat(await(router.poll(execId))).isEmpty();
    await(router.write(execId, 0, Buffer.buffer("x\n"), true));
    assertThat(await(router.exit(execId))).isZero();
  }

  @Test
  void aStartWhoseAnswerWasLostStartsOneProcess() {
    rig.modal.meet(ModalRpc.EXEC_START, 2, Fault.loseAnswer());
    ExecSpec exec = shell("echo x >>/tmp/ran");
    await(router.start(exec));
    await(router.exit(exec.execId()));
    assertThat(rig.modal.calls(ModalRpc.EXEC_START)).isEqualTo(3);
    assertThat(rig.modal.path(router.sandboxId(), "/tmp/ran")).hasContent("x");
  }

  @Test
  void aCommandThatModalWouldRefuseIsNotSent() {
    assertThat(failure(router.start(shell("x".repeat(65_537))))).hasMessageContaining("64 KiB");
    assertThat(rig.modal.calls(ModalRpc.EXEC_START)).isZero();
  }

  @ParameterizedTest
  @EnumSource(value = GrpcStatus.class, names = {"DEADLINE_EXCEEDED", "UNAVAILABLE", "CANCELLED", "INTERNAL", "UNKNOWN"})
  void aPassingFailureIsTriedAgain(GrpcStatus status) {
    String execId = start(router, "true");
    rig.modal.meet(ModalRpc.EXEC_POLL, 5, Fault.refuse(status));
    await(router.poll(execId));
    assertThat(rig.modal.calls(ModalRpc.EXEC_POLL)).isEqualTo(6);
  }

  @Test
  void afterTenRetriesACallHasFailed() {
    String execId = start(router, "true");
    rig.modal.meet(ModalRpc.EXEC_POLL, 11, Fault.refuse(GrpcStatus.UNAVAILABLE));
    assertThat(failure(router.poll(execId)).kind()).isEqualTo(Kind.FAILED);
    assertThat(rig.modal.calls(ModalRpc.EXEC_POLL)).isEqualTo(11);
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_WAIT)).as("whether the sandbox has ended").isOne();
  }

  @ParameterizedTest
  @CsvSource({"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"})
  void anotherFailureIsFinal(GrpcStatus status) {
    rig.modal.meet(ModalRpc.EXEC_START, Fault.refuse(status));
    assertThat(failure(router.start(shell("true"))).kind()).isEqualTo(Kind.FAILED);
    assertThat(rig.modal.calls(ModalRpc.EXEC_START)).isOne();
  }

  @Test
  void aProcessThatIsNotThereIsGone() {
    SandboxException failure = failure(router.poll("no-such"));
    assertThat(failure.kind()).isEqualTo(Kind.GONE);
    assertThat(rig.modal.calls(ModalRpc.EXEC_POLL)).isOne();
  }

  @ParameterizedTest
  @CsvSource({"GENERIC_STATUS_TIMEOUT, lifetime", "GENERIC_STATUS_IDLE_TIMEOUT, idle", "GENERIC_STATUS_TERMINATED, terminated",
      "GENERIC_STATUS_INTERNAL_FAILURE, internal failure"})
  void whatIsAskedOfASandboxThatHasEndedSaysWhy(GenericStatus how, String why) {
    String execId = start(router, "read line");
    Future<Integer> exit = router.exit(execId);
    until(() -> rig.modal.calls(ModalRpc.EXEC_WAIT) == 1);
    rig.modal.end(router.sandboxId(), how);
    for (Future<?> ended : List.of(exit, router.poll(execId), router.start(shell("true")))) {
      SandboxException failure = failure(ended);
      assertThat(failure.kind()).isEqualTo(Kind.GONE);
      assertThat(failure).hasMessageContaining(why);
    }
  }

  @Test
  void aJwtThatHasExpiredIsReplacedOnceForAllCallsThatItFailed() {
    rig.modal.routerTokenLifetime(Duration.ofMinutes(1));
    router = rig.router();
    String execId = start(router, "read line");
    rig.modal.timePasses(Duration.ofMinutes(2));
    rig.modal.forgetCalls();
    await(Future.all(IntStream.range(0, 20).mapToObj(i -> router.poll(execId)).toList()));
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS)).isOne();
    assertThat(rig.modal.calls(ModalRpc.EXEC_POLL)).as("each was refused once").isBetween(21, 40);
  }

  @Test
  void aWorkerThatRefusesEveryJwtIsNotAskedForEver() {
    String execId = start(router, "true");
    rig.modal.meet(ModalRpc.EXEC_POLL, 2, Fault.refuse(GrpcStatus.UNAUTHENTICATED));
    assertThat(ModalStatusException.statusOf(failure(router.poll(execId)))).contains(GrpcStatus.UNAUTHENTICATED);
    assertThat(rig.modal.calls(ModalRpc.EXEC_POLL)).isEqualTo(2);
  }

  @Test
  void whereTheWorkerIsIsAskedIfNobodyTold() {
    CommandRouter other = rig.client.router(router.sandboxId(), router.taskId(), null);
    await(other.exit(start(other, "true")));
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS)).isOne();
  }

  @Test
  void anExitIsWaitedForThroughFailures() {
    String execId = start(router, "read line; exit 5");
    rig.modal.meet(ModalRpc.EXEC_WAIT, 2, Fault.refuse(GrpcStatus.UNAVAILABLE));
    Future<Integer> exit = router.exit(execId);
    until(() -> rig.modal.calls(ModalRpc.EXEC_WAIT) == 3);
    rig.modal.killConnections();
    until(() -> rig.modal.calls(ModalRpc.EXEC_WAIT) == 4);
    await(router.write(execId, 0, Buffer.buffer("\n"), true));
    assertThat(await(exit)).isEqualTo(5);
  }

  @Test
  void aSnapshotWhoseAnswerWasLostIsTakenOnce() {
    rig.modal.meet(ModalRpc.SNAPSHOT_FILESYSTEM, Fault.loseAnswer());
    assertThat(await(router.snapshot(Duration.ofDays(1)))).startsWith("im-");
    List<TaskSnapshotFilesystemRequest> sent = rig.modal.recorded(ModalRpc.SNAPSHOT_FILESYSTEM).stream()
        .map(call -> (TaskSnapshotFilesystemRequest) call.question()).toList();
    assertThat(sent).hasSize(2).allMatch(request -> request.getTtlSeconds() == 86_400);
    assertThat(sent.getFirst().getSnapshotId()).isEqualTo(sent.getLast().getSnapshotId());
  }

  @Test
  void aSnapshotThatTookTooLongIsNotTakenAgain() {
    rig.modal.meet(ModalRpc.SNAPSHOT_FILESYSTEM, Fault.refuse(GrpcStatus.DEADLINE_EXCEEDED));
    failure(router.snapshot(Duration.ofDays(1)));
    assertThat(rig.modal.calls(ModalRpc.SNAPSHOT_FILESYSTEM)).isOne();
  }

  @Test
  void aWorkerThatIsStillStartingIsWaitedFor() {
    RouterAccess.Grant real = await(access());
    int port = FreePort.find();
    CommandRouter late = rig.client.router(router.sandboxId(), router.taskId(), new RouterAccess.Grant("https://127.0.0.1:" + port, real.jwt()));
    ExecSpec exec = shell("exit 4");
    Future<Void> started = late.start(exec);
    until(() -> rig.modal.calls(ModalRpc.SANDBOX_WAIT) >= 1);
    assertThat(started.isComplete()).isFalse();
    NetServer worker = forward(port, URI.create(real.url()).getPort());
    await(started);
    assertThat(await(late.exit(exec.execId()))).isEqualTo(4);
    await(worker.close());
  }

  @Test
  void thatTheControlPlaneFailsSaysNothingOfAWorkerThatIsStillStarting() {
    CommandRouter fresh = rig.client.router(router.sandboxId(), router.taskId(), null);
    assertThat(fresh.isStarting(new SandboxException(Kind.FAILED, "where the worker is was not told"))).isFalse();
    assertThat(fresh.isStarting(ModalStatusException.unsent(new ConnectException()))).isTrue();
    assertThat(fresh.isStarting(ModalStatusException.of(GrpcStatus.UNAVAILABLE, "said by the worker"))).isFalse();
    assertThat(fresh.isStarting(ModalStatusException.unsent(new ConnectException()))).as("it was reached").isFalse();
  }

  @Test
  void aWorkerThatIsNotThereIsGivenUpWhenItsSandboxHasEnded() {
    CommandRouter lost = rig.client.router(router.sandboxId(), router.taskId(), new RouterAccess.Grant("https://127.0.0.1:" + FreePort.find(), "x"));
    Future<Void> started = lost.start(shell("true"));
    until(() -> rig.modal.calls(ModalRpc.SANDBOX_WAIT) >= 1);
    rig.modal.end(router.sandboxId(), GenericStatus.GENERIC_STATUS_TERMINATED);
    assertThat(failure(started).kind()).isEqualTo(Kind.GONE);
  }

  @Test
  void aWorkerThatIsNeverThereIsGivenUpInTheEnd() {
    ModalClient hasty = new ModalClient(rig.vertx, rig.options.withTimes(20_000, 2000, 0));
    CommandRouter lost = hasty.router(router.sandboxId(), router.taskId(), new RouterAccess.Grant("https://127.0.0.1:" + FreePort.find(), "x"));
    SandboxException failure = failure(lost.start(shell("true")));
    assertThat(failure.kind()).isEqualTo(Kind.FAILED);
    assertThat(failure).hasMessageContaining("does not answer");
    await(hasty.close());
  }

  @Test
  void aWorkerWithoutAUsableAddressIsSaidToBeSo() {
    CommandRouter lost = rig.client.router(router.sandboxId(), router.taskId(), new RouterAccess.Grant("nowhere", "x"));
    assertThat(failure(lost.start(shell("true")))).hasMessageContaining("cannot be reached");
  }

  @Test
  void afterTheCloseNothingIsStarted() {
    Future<Integer> exit = router.exit(start(router, "read line"));
    until(() -> rig.modal.calls(ModalRpc.EXEC_WAIT) == 1);
    router.close();
    assertThat(failure(exit).kind()).isEqualTo(Kind.FAILED);
    failure(router.start(shell("true")));
    assertThat(rig.modal.calls(ModalRpc.EXEC_START)).isOne();
    assertThat(rig.modal.alive()).as("the sandbox is left alone").hasSize(1);
  }

  private Future<RouterAccess.Grant> access() {
    return rig.client.call(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS,
            SandboxGetCommandRouterAccessRequest.newBuilder().setSandboxId(router.sandboxId()).build())
        .map(answer -> new RouterAccess.Grant(answer.getUrl(), answer.getJwt()));
  }

  private NetServer forward(int port, int to) {
    NetServer server = rig.vertx.createNetServer().connectHandler(client -> {
      client.pause();
      rig.vertx.createNetClient().connect(to, "127.0.0.1").onSuccess(worker -> join(client, worker)).onFailure(failure -> client.close());
    });
    return await(server.listen(port, "127.0.0.1"));
  }

  private static void join(NetSocket client, NetSocket worker) {
    client.handler(worker::write);
    worker.handler(client::write);
    worker.closeHandler(closed -> client.close());
    client.closeHandler(closed -> worker.close());
    client.resume();
  }
}
