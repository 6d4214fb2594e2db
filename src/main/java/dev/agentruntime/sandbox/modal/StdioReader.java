package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.modal.proto.TaskExecStdioFileDescriptor;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioReadRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioReadResponse;
import io.netty.buffer.Unpooled;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.grpc.common.GrpcStatus;
import java.util.function.Function;

/**
 * One reading of a process' output, see {@link CommandRouter#read}.
 *
 * <p>A stream that broke is opened again at the offset of the first byte that was not consumed: ten times in quick succession (as Modal's
 * SDKs, which count anew after each chunk), then more slowly while the sandbox is said to run. A JWT that is refused is replaced once an
 * attempt.
 */
public final class StdioReader {

  private final CommandRouter router;
  private final CallScope scope;
  private final TaskExecStdioReadRequest.Builder question;
  private final Function<Buffer, Future<Void>> consumer;
  private final Promise<Void> done = Promise.promise();
  private volatile long offset;
  private volatile boolean stopped;
  private Exchange<TaskExecStdioReadRequest, TaskExecStdioReadResponse> current;
  private Throwable consumerFailure;
  private int failures;
  private boolean refused;
  private WorkerPatience patience;

  StdioReader(CommandRouter router, String execId, TaskExecStdioFileDescriptor descriptor, long offset, Function<Buffer, Future<Void>> consumer) {
    this.router = router;
    this.scope = router.scope();
    this.question = TaskExecStdioReadRequest.newBuilder().setTaskId(router.taskId()).setExecId(execId).setFileDescriptor(descriptor);
    this.offset = offset;
    this.consumer = consumer;
  }

  /** Succeeds when the process has closed this output and all of it was consumed, or when the reading was stopped. */
  public Future<Void> done() {
    return done.future();
  }

  /** Bytes from the start of the output to the first that was not consumed. */
  public long offset() {
    return offset;
  }

  /** No chunk is handed out any more from now on. */
  public void stop() {
    stopped = true;
    scope.run(() -> {
      if (current != null) {
        current.cancel();
      }
      return Future.succeededFuture();
    });
  }

  void start() {
    scope.run(() -> {
      open();
      return Future.succeededFuture();
    });
  }

  private void open() {
    if (stopped) {
      done.tryComplete();
      return;
    }
    router.access().get().onComplete(access -> {
      if (access.failed()) {
        broken(access.cause(), null);
        return;
      }
      RouterAccess.Grant grant = access.result();
      current = scope.exchange(ModalRpc.EXEC_STDIO_READ, this::take);
      scope.start(current, router.access().endpoint(grant), CommandRouter.bearer(grant), 0, call -> call.end(question.setOffset(offset).build()))
          .onComplete(ended -> scope.here(current.consuming()).onComplete(consumed -> {
            if (ended.succeeded() || stopped) {
              done.tryComplete();
            } else {
              broken(ended.cause(), grant);
            }
          }));
    });
  }

  private Future<Void> take(TaskExecStdioReadResponse chunk) {
    if (stopped) {
      return Future.failedFuture("stopped");
    }
    int length = chunk.getData().size();
    // Not Buffer.buffer(byte[]), which copies them.
    return scope.here(consumer.apply(BufferInternal.buffer(Unpooled.wrappedBuffer(chunk.getData().toByteArray())))).onComplete(consumed -> {
      if (consumed.succeeded()) {
        offset += length;
        failures = 0;
        refused = false;
        patience = null;
      } else {
        consumerFailure = consumed.cause();
      }
    });
  }

  private void broken(Throwable failure, RouterAccess.Grant used) {
    GrpcStatus status = ModalStatusException.statusOf(failure).orElse(null);
    if (consumerFailure != null) {
      done.fail(consumerFailure);
    } else if (scope.isClosed() || status == null) {
      fail(failure);
    } else if (status == GrpcStatus.UNAUTHENTICATED && used != null && !refused) {
      refused = true;
      again(router.access().another(used).mapEmpty());
    } else if (failure instanceof ModalStatusException modal && modal.throttleMs().isPresent()) {
      again(scope.delay(modal.throttleMs().get()));
    } else if (!RetryPolicy.ROUTER.codes().contains(status)) {
      fail(failure);
    } else if (!router.isStarting(failure) && RetryPolicy.ROUTER.allows(status, failures)) {
      refused = false;
      again(scope.delay(RetryPolicy.ROUTER.delayMs(failures++)));
    } else {
      refused = false;
      patience = patience == null ? router.patience() : patience;
      again(patience.next(failure));
    }
  }

  private void again(Future<Void> when) {
    when.onSuccess(now -> open()).onFailure(this::fail);
  }

  private void fail(Throwable failure) {
    router.<Void>explain(ModalRpc.EXEC_STDIO_READ, failure).onComplete(done);
  }
}
