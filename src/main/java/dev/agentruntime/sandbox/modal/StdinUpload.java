package dev.agentruntime.sandbox.modal;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteStreamEnd;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteStreamRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteStreamResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteStreamStart;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;

/**
 * One upload to a process' standard input, see {@link CommandRouter#upload}: pieces of 256 KiB in one stream, which a worker takes as whole
 * only after its {@code end}. A stream that broke goes on where the worker's {@code TaskExecStdinStatus} says, up to nine times.
 */
final class StdinUpload {

  private static final int PIECE_BYTES = 256 * 1024;

  private final CommandRouter router;
  private final CallScope scope;
  private final String execId;
  private final StdinSource source;
  private long sent;
  private boolean exhausted;

  StdinUpload(CommandRouter router, String execId, StdinSource source) {
    this.router = router;
    this.scope = router.scope();
    this.execId = execId;
    this.source = source;
  }

  Future<Void> run() {
    return attempt(0, 0);
  }

  private Future<Void> attempt(long offset, int resumes) {
    return router.authorized(grant -> stream(grant, offset)).recover(failure -> {
      GrpcStatus status = ModalStatusException.statusOf(failure).orElse(null);
      if (status == GrpcStatus.FAILED_PRECONDITION || status == GrpcStatus.ABORTED) {
        return ended(failure);
      }
      if (scope.isClosed() || status == null || !RetryPolicy.UPLOAD.allows(status, resumes)) {
        return Future.failedFuture(failure);
      }
      return scope.delay(RetryPolicy.UPLOAD.delayMs(resumes)).compose(over -> resume(failure, resumes + 1));
    });
  }

  private Future<Void> stream(RouterAccess.Grant grant, long offset) {
    Exchange<TaskExecStdinWriteStreamRequest, TaskExecStdinWriteStreamResponse> exchange =
        scope.exchange(ModalRpc.EXEC_STDIN_WRITE_STREAM, answer -> Future.succeededFuture());
    TaskExecStdinWriteStreamStart start = TaskExecStdinWriteStreamStart.newBuilder().setTaskId(router.taskId()).setExecId(execId)
        .setOffset(offset).build();
    return scope.start(exchange, router.access().endpoint(grant), CommandRouter.bearer(grant), 0, call -> call
        .write(TaskExecStdinWriteStreamRequest.newBuilder().setStart(start).build())
        .compose(started -> pieces(call, offset)));
  }

  private Future<Void> pieces(Exchange<TaskExecStdinWriteStreamRequest, ? extends Message> call, long offset) {
    return scope.here(source.read(offset, PIECE_BYTES)).compose(piece -> {
      if (piece.length() == 0) {
        exhausted = true;
        return call.end(TaskExecStdinWriteStreamRequest.newBuilder().setEnd(TaskExecStdinWriteStreamEnd.getDefaultInstance()).build());
      }
      sent = Math.max(sent, offset + piece.length());
      return call.write(data(piece)).compose(written -> pieces(call, offset + piece.length()));
    });
  }

  private static TaskExecStdinWriteStreamRequest data(Buffer piece) {
    return TaskExecStdinWriteStreamRequest.newBuilder().setData(ByteString.copyFrom(piece.getBytes())).build();
  }

  private Future<Void> resume(Throwable failure, int resumes) {
    return scope.here(router.stdinStatus(execId)).compose(status -> {
      long taken = status.getNumBytesWritten();
      if (status.getClosed()) {
        // The answer to a whole upload was lost, or the input was ended by somebody else.
        return exhausted && taken == sent ? Future.succeededFuture() : ended(failure);
      }
      return taken > sent
          ? Future.failedFuture(new SandboxException(Kind.FAILED, "Somebody else writes to the process' input", failure))
          : attempt(taken, resumes);
    });
  }

  private Future<Void> ended(Throwable failure) {
    return scope.here(router.poll(execId)).compose(exit -> Future.failedFuture(new SandboxException(Kind.GONE,
        exit.isPresent() ? "The process ended with " + exit.getAsInt() + " before it had read its input" : "The process' input is closed",
        failure)));
  }
}
