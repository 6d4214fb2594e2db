package dev.agentruntime.sandbox.modal;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.modal.proto.SecretSource;
import dev.agentruntime.sandbox.modal.proto.StringMap;
import dev.agentruntime.sandbox.modal.proto.TaskExecPollRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStartRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStderrConfig;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinStatusRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinStatusResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioFileDescriptor;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdoutConfig;
import dev.agentruntime.sandbox.modal.proto.TaskExecWaitRequest;
import dev.agentruntime.sandbox.modal.proto.TaskSnapshotFilesystemRequest;
import dev.agentruntime.sandbox.modal.proto.TaskSnapshotFilesystemResponse;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The worker of one sandbox: processes, their input and output. Everything is keyed by task, process and offset, so that another runtime can
 * go on where one was killed. Connections are shared with the other sandboxes of that worker, and closed when unused.
 *
 * <p>Every call is tried again as Modal's SDKs do ({@link RetryPolicy#ROUTER}); once with another JWT if the worker refuses the one it has;
 * and the first of them as long as a worker may take to start. Called from any thread, never blocks; futures complete on the router's event
 * loop. Failures are {@link SandboxException}s, {@link Kind#GONE} if the sandbox or the process has ended.
 */
public final class CommandRouter {

  /** Modal's SDKs check the same (js/src/sandbox.ts:1291). */
  private static final int MOST_COMMAND_BYTES = 65_536;
  private static final int SIGNAL_BASE = 128;
  private static final long EXIT_TIMEOUT_MS = 60_000;
  private static final long SNAPSHOT_TIMEOUT_MS = 55_000;
  private static final int CHECK_EVERY = 10;

  public enum Stdio { STDOUT, STDERR }

  private final ModalClient client;
  private final ModalClientOptions options;
  private final CallScope scope;
  private final Redaction redaction;
  private final String sandboxId;
  private final String taskId;
  private final RouterAccess access;
  private boolean reached;

  CommandRouter(ModalClient client, ModalClientOptions options, CallScope scope, Redaction redaction, String sandboxId, String taskId,
      RouterAccess access) {
    this.client = client;
    this.options = options;
    this.scope = scope;
    this.redaction = redaction;
    this.sandboxId = sandboxId;
    this.taskId = taskId;
    this.access = access;
  }

  public String sandboxId() {
    return sandboxId;
  }

  public String taskId() {
    return taskId;
  }

  /** Starts a process, with its input and both its outputs kept for us. Doing it again with the same id does nothing. */
  public Future<Void> start(ExecSpec exec) {
    int bytes = exec.command().stream().mapToInt(argument -> argument.getBytes(StandardCharsets.UTF_8).length).sum();
    if (bytes > MOST_COMMAND_BYTES) {
      return Future.failedFuture(new SandboxException(Kind.FAILED, "The command is longer than the 64 KiB that Modal takes"));
    }
    TaskExecStartRequest.Builder question = TaskExecStartRequest.newBuilder().setTaskId(taskId).setExecId(exec.execId())
        .addAllCommandArgs(exec.command())
        .setStdoutConfig(TaskExecStdoutConfig.TASK_EXEC_STDOUT_CONFIG_PIPE)
        .setStderrConfig(TaskExecStderrConfig.TASK_EXEC_STDERR_CONFIG_PIPE);
    if (options.environmentInline()) {
      question.putAllEnv(exec.environment());
    } else if (!exec.environment().isEmpty()) {
      question.addSecretSources(SecretSource.newBuilder().setEnv(StringMap.newBuilder().putAllContents(exec.environment())));
    }
    if (exec.workdir() != null) {
      question.setWorkdir(exec.workdir());
    }
    if (exec.timeout() != null) {
      question.setTimeoutSecs((int) Math.max(1, exec.timeout().toSeconds()));
    }
    return call(ModalRpc.EXEC_START, question.build()).mapEmpty();
  }

  /**
   * Follows an output from a byte on, as it is written. A stream that breaks is opened again at the first byte that was not consumed, as
   * long as the sandbox runs.
   *
   * @param consumer called on the router's event loop; the next chunk is handed out when its future is done, and a worker that sends faster
   *     is held back; a failed future ends the reading
   */
  public StdioReader read(String execId, Stdio stdio, long offset, Function<Buffer, Future<Void>> consumer) {
    TaskExecStdioFileDescriptor descriptor = stdio == Stdio.STDOUT
        ? TaskExecStdioFileDescriptor.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDOUT : TaskExecStdioFileDescriptor.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDERR;
    StdioReader reader = new StdioReader(this, execId, descriptor, offset, consumer);
    reader.start();
    return reader;
  }

  /**
   * Writes to a process' standard input.
   *
   * @param offset bytes written before, which the worker uses to drop what it has of a write that is sent again
   * @param eof whether the input ends after it
   */
  public Future<Void> write(String execId, long offset, Buffer bytes, boolean eof) {
    return call(ModalRpc.EXEC_STDIN_WRITE, TaskExecStdinWriteRequest.newBuilder().setTaskId(taskId).setExecId(execId).setOffset(offset)
        .setData(ByteString.copyFrom(bytes.getBytes())).setEof(eof).build()).mapEmpty();
  }

  /** Writes all of {@code source} to a process' standard input from its start, in bulk, and ends the input. */
  public Future<Void> upload(String execId, StdinSource source) {
    return scope.run(() -> new StdinUpload(this, execId, source).run())
        .recover(failure -> explain(ModalRpc.EXEC_STDIN_WRITE_STREAM, failure));
  }

  /** How much of its input a process' worker has, and whether it has ended. An upload that is under way is cut off by this. */
  public Future<TaskExecStdinStatusResponse> stdinStatus(String execId) {
    return call(ModalRpc.EXEC_STDIN_STATUS, TaskExecStdinStatusRequest.newBuilder().setTaskId(taskId).setExecId(execId).build());
  }

  /** The exit code (128 + n after signal n); empty while the process runs. */
  public Future<OptionalInt> poll(String execId) {
    return call(ModalRpc.EXEC_POLL, TaskExecPollRequest.newBuilder().setTaskId(taskId).setExecId(execId).build())
        .map(answer -> switch (answer.getExitStatusCase()) {
          case CODE -> OptionalInt.of(answer.getCode());
          case SIGNAL -> OptionalInt.of(SIGNAL_BASE + answer.getSignal());
          case EXITSTATUS_NOT_SET -> OptionalInt.empty();
        });
  }

  /** The exit code, when the process has ended (128 + n after signal n). Waits as long as the sandbox runs. */
  public Future<Integer> exit(String execId) {
    TaskExecWaitRequest question = TaskExecWaitRequest.newBuilder().setTaskId(taskId).setExecId(execId).build();
    return scope.run(() -> exit(question, 0)).recover(failure -> explain(ModalRpc.EXEC_WAIT, failure));
  }

  /**
   * Keeps the sandbox's files as an image that other sandboxes can be made from. The sandbox runs on.
   *
   * @param keep how long Modal keeps it
   * @return the image's id
   */
  public Future<String> snapshot(Duration keep) {
    TaskSnapshotFilesystemRequest question = TaskSnapshotFilesystemRequest.newBuilder().setTaskId(taskId)
        .setSnapshotId(UUID.randomUUID().toString()).setTtlSeconds(keep.toSeconds()).build();
    return call(ModalRpc.SNAPSHOT_FILESYSTEM, question, RetryPolicy.SNAPSHOT, SNAPSHOT_TIMEOUT_MS)
        .map(TaskSnapshotFilesystemResponse::getImageId);
  }

  /** Ends what is under way here. The sandbox and its processes are left alone. */
  public void close() {
    scope.close();
  }

  CallScope scope() {
    return scope;
  }

  RouterAccess access() {
    return access;
  }

  WorkerPatience patience() {
    return new WorkerPatience(client, scope, sandboxId, options.workerPatienceMs());
  }

  <Q extends Message, A extends Message> Future<A> call(ModalRpc<Q, A> rpc, Q question) {
    return call(rpc, question, RetryPolicy.ROUTER, options.callTimeoutMs());
  }

  private <Q extends Message, A extends Message> Future<A> call(ModalRpc<Q, A> rpc, Q question, RetryPolicy policy, long timeoutMs) {
    return scope.run(() -> new Retries<>(scope, policy, options.maxThrottleWaitMs(),
            attempt -> firstReached(patience(), () -> attempt(rpc, question, timeoutMs))).run())
        .recover(failure -> explain(rpc, failure));
  }

  /** One attempt, with a second JWT if need be. */
  private <Q extends Message, A extends Message> Future<A> attempt(ModalRpc<Q, A> rpc, Q question, long timeoutMs) {
    return authorized(grant -> scope.unary(access.endpoint(grant), rpc, bearer(grant), question, timeoutMs));
  }

  <T> Future<T> authorized(Function<RouterAccess.Grant, Future<T>> call) {
    return access.get().compose(grant -> call.apply(grant).recover(failure -> isRefused(failure)
        ? access.another(grant).compose(call)
        : Future.failedFuture(failure)));
  }

  /** A worker that was never reached may still be starting. */
  private <T> Future<T> firstReached(WorkerPatience patience, Supplier<Future<T>> attempt) {
    return attempt.get().onSuccess(answer -> reached = true).recover(failure -> isStarting(failure)
        ? patience.next(failure).compose(again -> firstReached(patience, attempt))
        : Future.failedFuture(failure));
  }

  /** Whether it is the worker's failure, and one that was never reached may have. Another, of the control plane say, tells nothing of it. */
  boolean isStarting(Throwable failure) {
    if (!(failure instanceof ModalStatusException modal)) {
      return false;
    }
    reached |= !modal.isUnsent();
    return !reached;
  }

  static boolean isRefused(Throwable failure) {
    return ModalStatusException.statusOf(failure).filter(GrpcStatus.UNAUTHENTICATED::equals).isPresent();
  }

  static MultiMap bearer(RouterAccess.Grant grant) {
    return MultiMap.caseInsensitiveMultiMap().set("authorization", "Bearer " + grant.jwt());
  }

  private Future<Integer> exit(TaskExecWaitRequest question, int failures) {
    return attempt(ModalRpc.EXEC_WAIT, question, EXIT_TIMEOUT_MS).compose(answer -> switch (answer.getExitStatusCase()) {
      case CODE -> Future.succeededFuture(answer.getCode());
      case SIGNAL -> Future.succeededFuture(SIGNAL_BASE + answer.getSignal());
      case EXITSTATUS_NOT_SET -> exitAgain(question, 0);
    }, failure -> {
      GrpcStatus status = ModalStatusException.statusOf(failure).orElse(GrpcStatus.UNKNOWN);
      if (scope.isClosed() || !RetryPolicy.WAIT.codes().contains(status)) {
        return Future.failedFuture(failure);
      }
      // The host of a worker that is gone may never answer again: then only the control plane knows of the end.
      return status != GrpcStatus.DEADLINE_EXCEEDED && failures % CHECK_EVERY == 0
          ? patience().unlessEnded(failure).compose(runs -> exitAgain(question, failures + 1))
          : exitAgain(question, failures + 1);
    });
  }

  private Future<Integer> exitAgain(TaskExecWaitRequest question, int failures) {
    return scope.delay(RetryPolicy.WAIT.delayMs(failures)).compose(over -> exit(question, failures));
  }

  /** What has come out, in words; whether the sandbox has ended says the control plane. */
  <T> Future<T> explain(ModalRpc<?, ?> rpc, Throwable failure) {
    SandboxException explained = ModalFailure.of(rpc, failure, redaction);
    if (ModalFailure.isGone(failure) || ModalStatusException.statusOf(failure).isEmpty() || scope.isClosed()) {
      return Future.failedFuture(explained);
    }
    return patience().unlessEnded(failure).compose(runs -> Future.failedFuture(explained));
  }
}
