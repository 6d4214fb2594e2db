package dev.agentruntime.support.modal;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.sandbox.modal.proto.SandboxStdioFileDescriptor;
import dev.agentruntime.sandbox.modal.proto.SandboxStdioReadV2Response;
import dev.agentruntime.sandbox.modal.proto.TaskExecPollResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStartResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinStatusResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteStreamRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteStreamResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioFileDescriptor;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioReadRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioReadResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecWaitResponse;
import dev.agentruntime.sandbox.modal.proto.TaskSnapshotFilesystemResponse;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import io.vertx.grpc.server.GrpcServerRequest;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** A worker's command router. On the event loop. */
final class RouterService {

  private static final String BEARER = "Bearer ";

  private final FakeModal modal;
  private final GrpcEndpoint endpoint;
  private final Map<String, FakeSandbox> byTask = new HashMap<>();
  private final Map<FakeSandbox, Set<Runnable>> open = new HashMap<>();

  RouterService(FakeModal modal, Vertx vertx) {
    this.modal = modal;
    endpoint = new GrpcEndpoint(vertx, modal.log, this::check);
    endpoint.unary(ModalRpc.EXEC_START, (question, headers) -> task(question.getTaskId()).exec(question)
        .map(TaskExecStartResponse.getDefaultInstance()));
    endpoint.stream(ModalRpc.EXEC_STDIO_READ, this::read);
    endpoint.stream(ModalRpc.SANDBOX_STDIO_READ, (question, answers) -> {
      FakeSandbox sandbox = task(question.getTaskId());
      boolean error = question.getFileDescriptor() == SandboxStdioFileDescriptor.SANDBOX_STDIO_FILE_DESCRIPTOR_STDERR;
      follow(sandbox, sandbox.entrypoint(), error, question.getOffset(), answers,
          data -> SandboxStdioReadV2Response.newBuilder().setData(bytes(data)).build());
    });
    endpoint.unary(ModalRpc.EXEC_STDIN_WRITE, (question, headers) -> {
      task(question.getTaskId()).active();
      return exec(question.getTaskId(), question.getExecId())
          .write(question.getOffset(), question.getData().toByteArray(), question.getEof()).map(TaskExecStdinWriteResponse.getDefaultInstance());
    });
    endpoint.upload(ModalRpc.EXEC_STDIN_WRITE_STREAM, (request, fault) -> new Upload(request, fault).take());
    endpoint.unary(ModalRpc.EXEC_STDIN_STATUS, (question, headers) -> {
      FakeExec exec = exec(question.getTaskId(), question.getExecId());
      exec.writeStream(() -> { });
      return Future.succeededFuture(
          TaskExecStdinStatusResponse.newBuilder().setNumBytesWritten(exec.taken()).setClosed(exec.inputEnded()).build());
    });
    endpoint.unary(ModalRpc.EXEC_POLL, (question, headers) -> {
      Future<Integer> exit = exec(question.getTaskId(), question.getExecId()).exit();
      return Future.succeededFuture(exit.isComplete() ? polled(exit.result()) : TaskExecPollResponse.getDefaultInstance());
    });
    endpoint.unary(ModalRpc.EXEC_WAIT, (question, headers) -> {
      FakeSandbox sandbox = task(question.getTaskId());
      return whileAlive(sandbox, exec(question.getTaskId(), question.getExecId()).exit()).map(RouterService::waited);
    });
    endpoint.unary(ModalRpc.SNAPSHOT_FILESYSTEM, (question, headers) -> modal.snapshot(task(question.getTaskId()), question.getSnapshotId())
        .map(image -> TaskSnapshotFilesystemResponse.newBuilder().setImageId(image).build()));
  }

  GrpcEndpoint endpoint() {
    return endpoint;
  }

  /** As clients are told it: TLS, which is not spoken on loopback. */
  String url() {
    return "https://127.0.0.1:" + modal.routerPort(endpoint.port());
  }

  void add(FakeSandbox sandbox) {
    byTask.put(sandbox.taskId, sandbox);
  }

  private void check(ModalRpc<?, ?> rpc, MultiMap headers, Message question) {
    String authorization = headers.get("authorization");
    if (authorization == null || !authorization.startsWith(BEARER)) {
      throw new Refusal(GrpcStatus.UNAUTHENTICATED, "no token");
    }
    String token = authorization.substring(BEARER.length());
    if (question == null) {
      return;
    }
    FieldDescriptor task = question.getDescriptorForType().findFieldByName("task_id");
    if (!modal.routerTokens.accepts(token, (String) question.getField(task))) {
      throw new Refusal(GrpcStatus.UNAUTHENTICATED, "the token is not valid for this task, or not any more");
    }
  }

  private FakeSandbox task(String taskId) {
    FakeSandbox sandbox = byTask.get(taskId);
    if (sandbox == null || sandbox.isEnding()) {
      throw new Refusal(GrpcStatus.NOT_FOUND, "no task " + taskId);
    }
    return sandbox;
  }

  private FakeExec exec(String taskId, String execId) {
    return task(taskId).get(execId);
  }

  private void read(TaskExecStdioReadRequest question, AnswerStream<TaskExecStdioReadResponse> answers) {
    FakeSandbox sandbox = task(question.getTaskId());
    FakeExec exec = sandbox.get(question.getExecId());
    boolean error = question.getFileDescriptor() == TaskExecStdioFileDescriptor.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDERR;
    follow(sandbox, exec, error, question.getOffset(), answers,
        data -> TaskExecStdioReadResponse.newBuilder().setData(bytes(data)).build());
  }

  private <A extends Message> void follow(FakeSandbox sandbox, FakeExec exec, boolean error, long offset, AnswerStream<A> answers,
      Function<Buffer, A> message) {
    Runnable breaking = () -> answers.refuse(broken());
    streams(sandbox).add(breaking);
    FakeExec.follow(error ? exec.stderr : exec.stdout, offset, modal.chunkBytes(), answers, message,
        () -> forget(sandbox, breaking));
  }

  private Set<Runnable> streams(FakeSandbox sandbox) {
    return open.computeIfAbsent(sandbox, key -> new HashSet<>());
  }

  private void forget(FakeSandbox sandbox, Runnable breaking) {
    Set<Runnable> streams = open.get(sandbox);
    if (streams != null) {
      streams.remove(breaking);
    }
  }

  private static Refusal broken() {
    return new Refusal(GrpcStatus.UNAVAILABLE, "the worker has let go of the task");
  }

  /** When its sandbox ends, an answer that is still waited for is an error. */
  private <T> Future<T> whileAlive(FakeSandbox sandbox, Future<T> answer) {
    Promise<T> promise = Promise.promise();
    Runnable breaking = () -> promise.tryFail(broken());
    streams(sandbox).add(breaking);
    answer.onSuccess(promise::tryComplete);
    return promise.future().onComplete(done -> forget(sandbox, breaking));
  }

  void breakStreams(FakeSandbox sandbox) {
    Set<Runnable> streams = open.remove(sandbox);
    if (streams != null) {
      Set.copyOf(streams).forEach(Runnable::run);
    }
  }

  private static ByteString bytes(Buffer data) {
    return ByteString.copyFrom(data.getBytes());
  }

  private static TaskExecPollResponse polled(int exit) {
    TaskExecPollResponse.Builder answer = TaskExecPollResponse.newBuilder();
    return (FakeExec.isSignal(exit) ? answer.setSignal(FakeExec.signal(exit)) : answer.setCode(exit)).build();
  }

  private static TaskExecWaitResponse waited(int exit) {
    TaskExecWaitResponse.Builder answer = TaskExecWaitResponse.newBuilder();
    return (FakeExec.isSignal(exit) ? answer.setSignal(FakeExec.signal(exit)) : answer.setCode(exit)).build();
  }

  /** Standard input in a stream: a start, data, an end, without which the input stays open. */
  private final class Upload {

    private final GrpcServerRequest<TaskExecStdinWriteStreamRequest, TaskExecStdinWriteStreamResponse> request;
    private final Fault fault;
    private FakeExec exec;
    private long offset;
    private long received;
    private boolean over;

    Upload(GrpcServerRequest<TaskExecStdinWriteStreamRequest, TaskExecStdinWriteStreamResponse> request, Fault fault) {
      this.request = request;
      this.fault = fault;
    }

    void take() {
      request.handler(message -> {
        try {
          take(message);
        } catch (Refusal e) {
          refuse(e);
        }
      });
      request.endHandler(ended -> refuse(new Refusal(GrpcStatus.INVALID_ARGUMENT, "the stream ended without saying so")));
    }

    private void take(TaskExecStdinWriteStreamRequest message) {
      if (over) {
        return;
      }
      switch (message.getPayloadCase()) {
        case START -> {
          check(ModalRpc.EXEC_STDIN_WRITE_STREAM, request.headers(), message.getStart());
          FakeSandbox sandbox = task(message.getStart().getTaskId());
          sandbox.active();
          exec = sandbox.get(message.getStart().getExecId());
          offset = message.getStart().getOffset();
          exec.writeStream(() -> refuse(new Refusal(GrpcStatus.ABORTED, "another writes")));
        }
        case DATA -> write(message.getData().toByteArray(), false);
        default -> write(new byte[0], true);
      }
    }

    private void write(byte[] data, boolean end) {
      if (exec == null) {
        throw new Refusal(GrpcStatus.INVALID_ARGUMENT, "a stream begins with its start");
      }
      request.pause();
      Future<Void> written = exec.write(offset, data, end);
      offset += data.length;
      received += data.length;
      written.onFailure(e -> refuse((Refusal) e)).onSuccess(done -> {
        if (fault instanceof Fault.Break broken && received >= broken.bytes()) {
          refuse(new Refusal(broken.status(), "the stream broke"));
        } else if (end && fault instanceof Fault.LoseAnswer) {
          refuse(new Refusal(GrpcStatus.UNAVAILABLE, "the answer was lost"));
        } else if (end && !over) {
          over = true;
          request.response().end(TaskExecStdinWriteStreamResponse.getDefaultInstance());
        }
        request.resume();
      });
    }

    private void refuse(Refusal refusal) {
      if (!over) {
        over = true;
        GrpcEndpoint.refuse(request.response(), refusal);
      }
    }
  }
}
