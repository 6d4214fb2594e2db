package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalRig.await;
import static dev.agentruntime.sandbox.modal.ModalRig.failure;
import static dev.agentruntime.sandbox.modal.ModalRig.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxListRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxWaitRequest;
import dev.agentruntime.support.modal.Fault;
import dev.agentruntime.support.modal.RecordedCall;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.grpc.common.GrpcStatus;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
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

/** Calls of the control plane: what they carry, and what becomes of them when they fail. */
@Execution(ExecutionMode.CONCURRENT)
class ModalClientTest {

  private static final SandboxListRequest LIST = SandboxListRequest.getDefaultInstance();

  @TempDir
  private Path directory;
  private ModalRig rig;

  @BeforeEach
  void start() {
    rig = new ModalRig(directory.resolve("modal"), options -> options.withTimes(20_000, 2000, 310_000));
  }

  @AfterEach
  void stop() {
    rig.close();
  }

  @Test
  void everyCallSaysWhoItIsAndCarriesBothTokens() {
    await(rig.client.call(ModalRpc.SANDBOX_LIST, LIST));
    MultiMap first = rig.modal.recorded(ModalRpc.AUTH_TOKEN_GET).getFirst().headers();
    MultiMap call = rig.modal.recorded(ModalRpc.SANDBOX_LIST).getFirst().headers();
    for (MultiMap headers : List.of(first, call)) {
      assertThat(headers.get("x-modal-client-type")).isEqualTo("8");
      assertThat(headers.get("x-modal-client-version")).isEqualTo("1.0.0");
      assertThat(headers.get("x-modal-libmodal-version")).startsWith("modal-java/");
      assertThat(headers.get("x-modal-host")).isEqualTo("127.0.0.1");
      assertThat(headers.get("x-modal-token-id")).isEqualTo("ak-fake");
      assertThat(headers.get("x-modal-token-secret")).isEqualTo("as-fake");
    }
    assertThat(first.contains("x-modal-auth-token")).isFalse();
    assertThat(call.get("x-modal-auth-token")).isNotEmpty();
    assertThat(call.contains("grpc-timeout")).isFalse();
  }

  @Test
  void manyCallsAtOnceShareOneAuthToken() {
    await(Future.all(IntStream.range(0, 50).mapToObj(i -> rig.client.call(ModalRpc.SANDBOX_LIST, LIST)).toList()));
    assertThat(rig.modal.calls(ModalRpc.AUTH_TOKEN_GET)).isOne();
    assertThat(rig.modal.connections()).isOne();
    assertThat(rig.modal.recorded(ModalRpc.SANDBOX_LIST).stream().map(call -> call.headers().get("x-idempotency-key"))).doesNotHaveDuplicates();
  }

  @ParameterizedTest
  @EnumSource(value = GrpcStatus.class, names = {"DEADLINE_EXCEEDED", "UNAVAILABLE", "CANCELLED", "INTERNAL", "UNKNOWN"})
  void aPassingFailureIsTriedAgainThreeTimesUnderOneKey(GrpcStatus status) {
    rig.modal.meet(ModalRpc.SANDBOX_LIST, 3, Fault.refuse(status));
    await(rig.client.call(ModalRpc.SANDBOX_LIST, LIST));
    List<RecordedCall> calls = rig.modal.recorded(ModalRpc.SANDBOX_LIST);
    assertThat(calls).extracting(call -> call.headers().get("x-retry-attempt")).containsExactly("0", "1", "2", "3");
    assertThat(calls).extracting(call -> call.headers().get("x-idempotency-key")).containsOnly(calls.getFirst().headers().get("x-idempotency-key"));
    assertThat(calls).extracting(call -> call.headers().contains("x-retry-delay")).containsExactly(false, true, true, true);
    for (int i = 1; i < 4; i++) {
      assertThat(TimeUnit.NANOSECONDS.toMillis(calls.get(i).nanos() - calls.get(i - 1).nanos())).isGreaterThanOrEqualTo((100L << i - 1) - 1);
    }
    rig.modal.meet(ModalRpc.SANDBOX_LIST, 4, Fault.refuse(status));
    assertThat(ModalStatusException.statusOf(failure(rig.client.call(ModalRpc.SANDBOX_LIST, LIST)))).contains(status);
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_LIST)).isEqualTo(8);
  }

  @ParameterizedTest
  @EnumSource(value = GrpcStatus.class, mode = EnumSource.Mode.EXCLUDE,
      names = {"OK", "UNAUTHENTICATED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "CANCELLED", "INTERNAL", "UNKNOWN"})
  void anyOtherFailureIsFinal(GrpcStatus status) {
    rig.modal.meet(ModalRpc.SANDBOX_LIST, Fault.refuse(status));
    assertThat(ModalStatusException.statusOf(failure(rig.client.call(ModalRpc.SANDBOX_LIST, LIST)))).contains(status);
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_LIST)).isOne();
  }

  @Test
  void aSandboxWhoseAnswerWasLostIsMadeOnce() {
    rig.modal.meet(ModalRpc.SANDBOX_CREATE, 2, Fault.loseAnswer());
    CommandRouter router = rig.router();
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_CREATE)).isEqualTo(3);
    assertThat(rig.modal.sandboxes()).singleElement().extracting(sandbox -> sandbox.id()).isEqualTo(router.sandboxId());
  }

  @Test
  void aCallThatGetsNoAnswerIsGivenUpAndTriedAgain() {
    rig.modal.meet(ModalRpc.SANDBOX_LIST, Fault.hang());
    await(rig.client.call(ModalRpc.SANDBOX_LIST, LIST, Duration.ofMillis(300)));
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_LIST)).isGreaterThanOrEqualTo(2);
    assertThat(rig.modal.connections()).as("its connection was good").isOne();
  }

  @Test
  void aCallWhoseConnectionBreaksIsTriedAgain() {
    await(rig.client.call(ModalRpc.SANDBOX_LIST, LIST));
    rig.modal.meet(ModalRpc.SANDBOX_WAIT, Fault.hang());
    String sandbox = rig.router().sandboxId();
    Future<?> waiting = rig.client.call(ModalRpc.SANDBOX_WAIT, SandboxWaitRequest.newBuilder().setSandboxId(sandbox).build(),
        Duration.ofMinutes(10));
    until(() -> rig.modal.calls(ModalRpc.SANDBOX_WAIT) == 1);
    rig.modal.killConnections();
    await(waiting);
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_WAIT)).isEqualTo(2);
  }

  @Test
  void waitsThatTheServiceAsksForAreNoRetries() {
    rig.modal.meet(ModalRpc.SANDBOX_LIST, 6, Fault.throttle(Duration.ofMillis(20)));
    rig.modal.meet(ModalRpc.SANDBOX_LIST, 3, Fault.refuse(GrpcStatus.UNAVAILABLE));
    await(rig.client.call(ModalRpc.SANDBOX_LIST, LIST));
    List<RecordedCall> calls = rig.modal.recorded(ModalRpc.SANDBOX_LIST);
    assertThat(calls).extracting(call -> call.headers().get("x-throttle-retry-attempt"))
        .containsExactly("0", "1", "2", "3", "4", "5", "6", "6", "6", "6");
    assertThat(calls).extracting(call -> call.headers().get("x-retry-attempt"))
        .containsExactly("0", "0", "0", "0", "0", "0", "0", "1", "2", "3");
    assertThat(calls.get(1).headers().contains("x-throttle-retry-delay")).isTrue();
    assertThat(TimeUnit.NANOSECONDS.toMillis(calls.get(1).nanos() - calls.get(0).nanos())).as("at least 100 ms").isGreaterThanOrEqualTo(99);
  }

  @Test
  void aWaitIsAsLongAsTheServiceAsks() {
    rig.modal.meet(ModalRpc.SANDBOX_LIST, Fault.throttle(Duration.ofMillis(700)));
    await(rig.client.call(ModalRpc.SANDBOX_LIST, LIST));
    List<RecordedCall> calls = rig.modal.recorded(ModalRpc.SANDBOX_LIST);
    assertThat(TimeUnit.NANOSECONDS.toMillis(calls.get(1).nanos() - calls.get(0).nanos())).isGreaterThanOrEqualTo(699);
  }

  @Test
  void thereIsABoundForSuchWaits() {
    rig.modal.meet(ModalRpc.SANDBOX_LIST, Fault.throttle(Duration.ofHours(1)));
    SandboxException failure = failure(rig.client.call(ModalRpc.SANDBOX_LIST, LIST));
    assertThat(failure).hasMessageContaining("throttles this workspace for longer than a call waits");
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_LIST)).isOne();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      UNAUTHENTICATED    | MODAL_TOKEN_ID and MODAL_TOKEN_SECRET
      PERMISSION_DENIED  | MODAL_ENVIRONMENT
      RESOURCE_EXHAUSTED | quota
      NOT_FOUND          | names of app, image
      INVALID_ARGUMENT   | settings
      UNIMPLEMENTED      | too old
      """)
  void aFailureSaysWhatCanBeDone(GrpcStatus status, String advice) {
    rig.modal.meet(ModalRpc.APP_GET_OR_CREATE, 2, Fault.refuse(status, "in Modal's 100% own wörds, of as-fake"));
    SandboxException failure = failure(rig.client.call(ModalRpc.APP_GET_OR_CREATE, AppGetOrCreateRequest.getDefaultInstance()));
    assertThat(failure.kind()).isEqualTo(Kind.FAILED);
    assertThat(failure).hasMessageContaining(advice).hasMessageContaining("in Modal's 100% own wörds, of ***");
  }

  @Test
  void aSandboxThatModalDoesNotKnowIsGone() {
    assertThat(failure(rig.client.ended("sb-none", Duration.ZERO)).kind()).isEqualTo(Kind.GONE);
  }

  @Test
  void aTokenThatHasExpiredByModalsClockIsReplacedOnce() {
    await(rig.client.call(ModalRpc.SANDBOX_LIST, LIST));
    rig.modal.timePasses(Duration.ofMinutes(21));
    await(Future.all(IntStream.range(0, 10).mapToObj(i -> rig.client.call(ModalRpc.SANDBOX_LIST, LIST)).toList()));
    assertThat(rig.modal.calls(ModalRpc.AUTH_TOKEN_GET)).isEqualTo(2);
    rig.modal.meet(ModalRpc.SANDBOX_LIST, 2, Fault.refuse(GrpcStatus.UNAUTHENTICATED));
    rig.modal.forgetCalls();
    assertThat(failure(rig.client.call(ModalRpc.SANDBOX_LIST, LIST))).hasMessageContaining("MODAL_TOKEN_ID");
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_LIST)).isEqualTo(2);
  }

  @Test
  void aTokenThatIsNotKnownIsNotTriedAgain() {
    ModalClient stranger = new ModalClient(rig.vertx, ModalClientOptions.of(rig.options.serverUrl(), "ak-other", "as-other"));
    assertThat(failure(stranger.call(ModalRpc.SANDBOX_LIST, LIST))).hasMessageContaining("MODAL_TOKEN_ID").hasMessageNotContaining("as-other");
    assertThat(rig.modal.calls(ModalRpc.AUTH_TOKEN_GET)).isOne();
    await(stranger.close());
  }

  @Test
  void theFirstTokenIsAskedForAgainThreeTimes() {
    rig.modal.meet(ModalRpc.AUTH_TOKEN_GET, 3, Fault.refuse(GrpcStatus.UNAVAILABLE));
    await(rig.client.call(ModalRpc.SANDBOX_LIST, LIST));
    List<RecordedCall> calls = rig.modal.recorded(ModalRpc.AUTH_TOKEN_GET);
    assertThat(calls).extracting(call -> call.headers().get("x-retry-attempt")).containsExactly("0", "1", "2", "3");
    assertThat(calls).extracting(call -> call.headers().get("x-idempotency-key")).doesNotContainNull()
        .containsOnly(calls.getFirst().headers().get("x-idempotency-key"));
  }

  @Test
  void aStreamIsHandedOutOneByOneAndNotRepeated() {
    String image = rig.imageId();
    rig.modal.forgetCalls();
    rig.modal.meet(ModalRpc.IMAGE_JOIN_STREAMING, Fault.cutAfter(0));
    ImageJoinStreamingRequest question = ImageJoinStreamingRequest.newBuilder().setImageId(image).setTimeout(1)
        .setIncludeLogsForFinished(true).build();
    List<String> entries = new ArrayList<>();
    Future<Void> cut = rig.client.stream(ModalRpc.IMAGE_JOIN_STREAMING, question, Duration.ofSeconds(30), entry -> {
      entries.add(entry.getEntryId());
      return Future.succeededFuture();
    });
    assertThat(ModalStatusException.statusOf(failure(cut))).isPresent();
    assertThat(entries).isEmpty();
    assertThat(rig.modal.calls(ModalRpc.IMAGE_JOIN_STREAMING)).isOne();
    SandboxException refused = failure(rig.client.stream(ModalRpc.IMAGE_JOIN_STREAMING, question, Duration.ofSeconds(30),
        entry -> Future.failedFuture(new SandboxException(Kind.FAILED, "no more of it"))));
    assertThat(refused).hasMessage("no more of it");
  }

  @Test
  void afterTheCloseNothingIsAnswered() {
    rig.modal.meet(ModalRpc.SANDBOX_LIST, Fault.hang());
    Future<?> pending = rig.client.call(ModalRpc.SANDBOX_LIST, LIST, Duration.ofMinutes(10));
    until(() -> rig.modal.calls(ModalRpc.SANDBOX_LIST) == 1);
    await(rig.client.close());
    assertThat(failure(pending).kind()).isEqualTo(Kind.FAILED);
    assertThat(failure(rig.client.call(ModalRpc.SANDBOX_LIST, LIST)).kind()).isEqualTo(Kind.FAILED);
    assertThat(rig.modal.calls(ModalRpc.SANDBOX_LIST)).isOne();
  }
}
