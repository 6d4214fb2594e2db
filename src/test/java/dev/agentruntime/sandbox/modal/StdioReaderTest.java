package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalRig.await;
import static dev.agentruntime.sandbox.modal.ModalRig.failure;
import static dev.agentruntime.sandbox.modal.ModalRig.read;
import static dev.agentruntime.sandbox.modal.ModalRig.start;
import static dev.agentruntime.sandbox.modal.ModalRig.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.modal.CommandRouter.Stdio;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioReadRequest;
import dev.agentruntime.support.modal.ConnectionCutter;
import dev.agentruntime.support.modal.Fault;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Output is read once, whole and in order, whatever becomes of the streams that bring it. */
@Execution(ExecutionMode.CONCURRENT)
class StdioReaderTest {

  private static final String TEXT = "zwölf Boxkämpfer jagen Viktor\n";

  @TempDir
  private Path directory;
  private ModalRig rig;
  private CommandRouter router;

  @BeforeEach
  void make() {
    rig = new ModalRig(directory.resolve("modal"), options -> options.withTimes(20_000, 2000, 20_000));
    router = rig.router();
  }

  @AfterEach
  void end() {
    rig.close();
  }

  private String printed(String text) {
    String execId = start(router, "printf %s \"$1\"; printf %s err >&2", text);
    await(router.exit(execId));
    rig.modal.forgetCalls();
    return execId;
  }

  private List<Long> offsets() {
    return rig.modal.recorded(ModalRpc.EXEC_STDIO_READ).stream().map(call -> ((TaskExecStdioReadRequest) call.question()).getOffset()).toList();
  }

  @Test
  void bothOutputsAreReadFromAnyByte() {
    String execId = printed(TEXT);
    byte[] bytes = TEXT.getBytes(StandardCharsets.UTF_8);
    for (int offset = 0; offset <= bytes.length; offset++) {
      assertThat(read(router, execId, offset)).isEqualTo(new String(bytes, offset, bytes.length - offset, StandardCharsets.UTF_8));
    }
    Buffer errors = Buffer.buffer();
    StdioReader reader = router.read(execId, Stdio.STDERR, 1, chunk -> {
      errors.appendBuffer(chunk);
      return Future.succeededFuture();
    });
    await(reader.done());
    assertThat(errors).hasToString("rr");
    assertThat(reader.offset()).isEqualTo(3);
  }

  @ParameterizedTest
  @EnumSource(value = GrpcStatus.class, names = {"DEADLINE_EXCEEDED", "UNAVAILABLE", "CANCELLED", "INTERNAL", "UNKNOWN"})
  void aStreamThatBreaksGoesOnAtItsByte(GrpcStatus status) {
    String execId = printed(TEXT);
    rig.modal.meet(ModalRpc.EXEC_STDIO_READ, 2, Fault.breakAfter(5, status));
    assertThat(read(router, execId, 0)).isEqualTo(TEXT);
    assertThat(offsets()).containsExactly(0L, 5L, 10L);
  }

  @Test
  void aWaitThatTheWorkerAsksForIsNoFailure() {
    String execId = printed(TEXT);
    rig.modal.meet(ModalRpc.EXEC_STDIO_READ, 12, Fault.throttle(Duration.ofMillis(20)));
    assertThat(read(router, execId, 0)).isEqualTo(TEXT);
    assertThat(offsets()).hasSize(13);
  }

  @Test
  void aStreamThatIsCutAtAnyByteOfAFrameGoesOn() {
    rig.modal.chunkBytes(7);
    String execId = printed(TEXT.substring(0, 20));
    int streamed = 3 * (5 + 2 + 7);
    for (int bytes = 0; bytes <= streamed; bytes++) {
      rig.modal.meet(ModalRpc.EXEC_STDIO_READ, Fault.cutAfter(bytes));
      assertThat(read(router, execId, 0)).as("cut after " + bytes).isEqualTo(TEXT.substring(0, 20));
      rig.modal.clearFaults();
    }
  }

  @Test
  void aConnectionThatIsCutAtAnyByteIsMadeAgain() {
    ConnectionCutter cutter = rig.modal.cutConnections();
    rig.modal.chunkBytes(7);
    CommandRouter proxied = rig.client.router(router.sandboxId(), router.taskId(), null);
    String execId = start(proxied, "printf %s \"$1\"", TEXT);
    await(proxied.exit(execId));
    for (int bytes = 1; bytes <= 400; bytes++) {
      int before = cutter.cuts();
      cutter.cutAfter(bytes);
      assertThat(read(proxied, execId, 0)).as("cut after " + bytes).isEqualTo(TEXT);
      while (cutter.cuts() == before) {
        read(proxied, execId, 0);
      }
    }
  }

  @Test
  void aJwtThatExpiresDuringALongStreamIsReplaced() {
    rig.modal.routerTokenLifetime(Duration.ofMinutes(1));
    router = rig.router();
    String execId = start(router, "for i in 1 2 3; do read line; echo \"$line\"; done");
    StringBuffer all = new StringBuffer();
    StdioReader reader = router.read(execId, Stdio.STDOUT, 0, chunk -> {
      all.append(chunk);
      return Future.succeededFuture();
    });
    await(router.write(execId, 0, Buffer.buffer("one\n"), false));
    until(() -> all.toString().equals("one\n"));
    rig.modal.timePasses(Duration.ofMinutes(2));
    rig.modal.forgetCalls();
    rig.modal.killConnections();
    await(router.write(execId, 4, Buffer.buffer("two\n"), false));
    until(() -> all.toString().equals("one\ntwo\n"));
    assertThat(offsets()).contains(4L);
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS)).isOne();
    await(router.write(execId, 8, Buffer.buffer("three\n"), true));
    await(reader.done());
    assertThat(all).hasToString("one\ntwo\nthree\n");
  }

  @Test
  void aJwtIsReplacedAgainAfterAChunkThatCame() {
    String execId = printed(TEXT);
    rig.modal.meet(ModalRpc.EXEC_STDIO_READ, Fault.refuse(GrpcStatus.UNAUTHENTICATED));
    rig.modal.meet(ModalRpc.EXEC_STDIO_READ, Fault.breakAfter(3, GrpcStatus.UNAUTHENTICATED));
    assertThat(read(router, execId, 0)).isEqualTo(TEXT);
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIO_READ)).isEqualTo(3);
  }

  @Test
  void aStreamWhoseEveryJwtIsRefusedFails() {
    String execId = printed(TEXT);
    rig.modal.meet(ModalRpc.EXEC_STDIO_READ, 2, Fault.refuse(GrpcStatus.UNAUTHENTICATED));
    Future<Void> done = router.read(execId, Stdio.STDOUT, 0, chunk -> Future.succeededFuture()).done();
    assertThat(ModalStatusException.statusOf(failure(done))).contains(GrpcStatus.UNAUTHENTICATED);
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIO_READ)).isEqualTo(2);
  }

  @Test
  void aChunkThatCameGivesANewTenTries() {
    String execId = printed(TEXT);
    for (int i = 0; i < 3; i++) {
      rig.modal.meet(ModalRpc.EXEC_STDIO_READ, 8, Fault.breakAfter(0, GrpcStatus.UNAVAILABLE));
      rig.modal.meet(ModalRpc.EXEC_STDIO_READ, Fault.breakAfter(5, GrpcStatus.UNAVAILABLE));
    }
    assertThat(read(router, execId, 0)).isEqualTo(TEXT);
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_WAIT)).as("never was patience needed").isZero();
  }

  @Test
  void afterTenTriesTheSandboxIsAskedForAndWhileItRunsTheReadingGoesOn() {
    String execId = printed(TEXT);
    rig.modal.meet(ModalRpc.EXEC_STDIO_READ, 12, Fault.breakAfter(0, GrpcStatus.UNAVAILABLE));
    assertThat(read(router, execId, 0)).isEqualTo(TEXT);
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_WAIT)).isEqualTo(2);
  }

  @Test
  void aSandboxThatEndsMidStreamIsGone() {
    String execId = start(router, "echo begun; read line");
    StringBuffer all = new StringBuffer();
    Future<Void> done = router.read(execId, Stdio.STDOUT, 0, chunk -> {
      all.append(chunk);
      return Future.succeededFuture();
    }).done();
    until(() -> all.toString().equals("begun\n"));
    rig.modal.end(router.sandboxId(), GenericStatus.GENERIC_STATUS_TIMEOUT);
    SandboxException failure = failure(done);
    assertThat(failure.kind()).isEqualTo(Kind.GONE);
    assertThat(failure).hasMessageContaining("lifetime");
  }

  @Test
  void aMessageThatIsLargerThanTheLibrarysLimitIsRead() {
    rig.modal.chunkBytes(2 << 20);
    String execId = start(router, "head -c 3000000 /dev/zero | tr '\\0' x");
    await(router.exit(execId));
    AtomicInteger largest = new AtomicInteger();
    Buffer all = Buffer.buffer();
    await(router.read(execId, Stdio.STDOUT, 0, chunk -> {
      largest.accumulateAndGet(chunk.length(), Math::max);
      all.appendBuffer(chunk);
      return Future.succeededFuture();
    }).done());
    assertThat(largest.get()).isGreaterThan(262_144);
    assertThat(all.length()).isEqualTo(3_000_000);
  }

  @Test
  void theNextChunkComesWhenTheLastIsConsumed() {
    rig.modal.chunkBytes(64);
    String execId = start(router, "head -c 2000000 /dev/zero | tr '\\0' x");
    AtomicInteger consuming = new AtomicInteger();
    AtomicInteger bytes = new AtomicInteger();
    List<Integer> overlaps = new CopyOnWriteArrayList<>();
    await(router.read(execId, Stdio.STDOUT, 0, chunk -> {
      if (consuming.incrementAndGet() > 1) {
        overlaps.add(bytes.get());
      }
      bytes.addAndGet(chunk.length());
      Promise<Void> consumed = Promise.promise();
      boolean late = bytes.get() % 6400 == 0;
      Runnable complete = () -> {
        consuming.decrementAndGet();
        consumed.complete();
      };
      if (late) {
        rig.vertx.executeBlocking(() -> {
          complete.run();
          return null;
        });
      } else {
        complete.run();
      }
      return consumed.future();
    }).done());
    assertThat(overlaps).isEmpty();
    assertThat(bytes.get()).isEqualTo(2_000_000);
  }

  @Test
  void aReaderThatDoesNotConsumeHoldsTheWorkerBack() {
    String execId = start(router, "head -c 40000000 /dev/zero; echo end >/tmp/end");
    AtomicReference<Promise<Void>> held = new AtomicReference<>();
    AtomicInteger chunks = new AtomicInteger();
    StdioReader reader = router.read(execId, Stdio.STDOUT, 0, chunk -> {
      chunks.incrementAndGet();
      Promise<Void> promise = Promise.promise();
      held.set(promise);
      return promise.future();
    });
    until(() -> held.get() != null);
    String other = printed(TEXT);
    assertThat(read(router, other, 0)).as("those beside it are not held back").isEqualTo(TEXT);
    assertThat(chunks.get()).isOne();
    assertThat(reader.offset()).isZero();
    reader.stop();
    held.get().complete();
    await(reader.done());
    assertThat(chunks.get()).isOne();
  }

  @Test
  void aStreamThatBreaksWhileAChunkIsConsumedGoesOnAfterIt() {
    String execId = start(router, "printf one; read line; printf two");
    rig.modal.forgetCalls();
    AtomicReference<Promise<Void>> first = new AtomicReference<>();
    List<String> chunks = new CopyOnWriteArrayList<>();
    StdioReader reader = router.read(execId, Stdio.STDOUT, 0, chunk -> {
      chunks.add(chunk.toString());
      return first.compareAndSet(null, Promise.promise()) ? first.get().future() : Future.succeededFuture();
    });
    until(() -> first.get() != null);
    int before = rig.modal.connections();
    rig.modal.killConnections();
    until(() -> rig.modal.connections() < before);
    await(router.write(execId, 0, Buffer.buffer("\n"), true));
    assertThat(offsets()).as("not opened again before it is consumed").containsExactly(0L);
    first.get().complete();
    await(reader.done());
    assertThat(chunks).containsExactly("one", "two");
    assertThat(offsets()).containsExactly(0L, 3L);
  }

  @Test
  void aConsumerThatFailsEndsTheReading() {
    String execId = printed(TEXT);
    IllegalStateException reason = new IllegalStateException("full");
    for (Future<Void> consumed : List.of(Future.<Void>failedFuture(reason), rig.vertx.<Void>executeBlocking(() -> {
      throw reason;
    }))) {
      Future<Void> done = router.read(execId, Stdio.STDOUT, 0, chunk -> consumed).done();
      until(done::isComplete);
      assertThat(done.cause()).isSameAs(reason);
    }
    assertThat(rig.modal.calls(ModalRpc.EXEC_STDIO_READ)).isEqualTo(2);
  }

  @Test
  void aStoppedReaderIsDoneAndHandsOutNothingAnyMore() {
    String execId = start(router, "while read line; do echo \"$line\"; done");
    List<String> chunks = new CopyOnWriteArrayList<>();
    StdioReader reader = router.read(execId, Stdio.STDOUT, 0, chunk -> {
      chunks.add(chunk.toString());
      return Future.succeededFuture();
    });
    await(router.write(execId, 0, Buffer.buffer("one\n"), false));
    until(() -> chunks.size() == 1);
    reader.stop();
    await(reader.done());
    await(router.write(execId, 4, Buffer.buffer("two\n"), true));
    await(router.exit(execId));
    assertThat(chunks).containsExactly("one\n");
    assertThat(read(router, execId, reader.offset())).isEqualTo("two\n");
  }
}
