package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalProbe.finished;
import static dev.agentruntime.sandbox.modal.ModalRig.await;
import static dev.agentruntime.sandbox.modal.ModalRig.read;
import static dev.agentruntime.sandbox.modal.ModalRig.shell;
import static dev.agentruntime.sandbox.modal.ModalRig.until;

import dev.agentruntime.sandbox.modal.CommandRouter.Stdio;
import dev.agentruntime.sandbox.modal.ModalProbe.Scale;
import dev.agentruntime.sandbox.modal.proto.AuthTokenGetRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxGetCommandRouterAccessRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxGetCommandRouterAccessResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxListRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecPollRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecPollResponse;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.IntSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/** The questions of {@link ModalProbe}. They block. */
final class ModalProbes {

  private static final int[] CLIENT_TYPES = {8, 9};
  private static final int URL_ASKS = 5;
  private static final int MESSAGE_SAMPLE_BYTES = 20_000_000;
  private static final long BEYOND = 10;

  private final Vertx vertx;
  private final ModalClientOptions options;
  private final ModalClient client;
  private final ModalBed bed;
  private final Scale scale;
  private final Set<String> urls = new HashSet<>();
  private CommandRouter router;

  ModalProbes(Vertx vertx, ModalClientOptions options, ModalClient client, ModalBed bed, Scale scale) {
    this.vertx = vertx;
    this.options = options;
    this.client = client;
    this.bed = bed;
    this.scale = scale;
  }

  private CommandRouter router() {
    if (router == null) {
      router = bed.router();
      urls.add(access().getUrl());
    }
    return router;
  }

  String clientTypes() {
    List<String> answers = new ArrayList<>();
    for (int type : CLIENT_TYPES) {
      ModalClientOptions as = new ModalClientOptions(options.serverUrl(), options.tokenId(), options.tokenSecret(), type, options.clientVersion(),
          options.libraryVersion(), options.environmentInline(), options.maxMessageBytes(), options.connectionWindowBytes(),
          options.streamWindowBytes(), options.connectionsPerHost(), options.connectTimeoutMs(), options.callTimeoutMs(),
          options.pingIntervalMs(), options.pingTimeoutMs(), options.idleConnectionMs(), options.maxThrottleWaitMs(),
          options.workerPatienceMs(), options.trust());
      ModalClient other = new ModalClient(vertx, as);
      answers.add(type + ": " + outcome(other.call(ModalRpc.SANDBOX_LIST, SandboxListRequest.newBuilder().setAppId(bed.appId()).build())));
      await(other.close());
    }
    return String.join(", ", answers) + " (" + options.libraryVersion() + ")";
  }

  String retention() {
    String execId = finished(router(), "head -c " + scale.outputBytes() + " /dev/zero | tr '\\0' x");
    String atOnce = kept(execId, 0) + " from the start and " + kept(execId, scale.outputBytes() / 2) + " from the middle";
    pass(scale.afterExit());
    return "of " + scale.outputBytes() + " bytes " + atOnce + " after the exit; " + scale.afterExit().toSeconds() + " s later "
        + kept(execId, 0) + " from the start";
  }

  private String kept(String execId, long offset) {
    AtomicLong bytes = new AtomicLong();
    Future<Void> done = router().read(execId, Stdio.STDOUT, offset, chunk -> {
      bytes.addAndGet(chunk.length());
      return Future.succeededFuture();
    }).done();
    String outcome = outcome(done);
    return bytes + (outcome.equals("OK") ? "" : " then " + outcome);
  }

  String twoReaders() {
    ExecSpec exec = shell("for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done");
    await(router().start(exec));
    StringBuffer[] texts = {new StringBuffer(), new StringBuffer()};
    List<Future<Void>> done = IntStream.range(0, 2).mapToObj(i -> router().read(exec.execId(), Stdio.STDOUT, 0, chunk -> {
      texts[i].append(chunk);
      return Future.succeededFuture();
    }).done()).toList();
    return "one: " + outcome(done.get(0)) + ", " + texts[0].length() + " bytes; other: " + outcome(done.get(1)) + ", " + texts[1].length()
        + " bytes; of " + read(router(), exec.execId(), 0).length();
  }

  String inputOffsets() {
    ExecSpec exec = shell("cat");
    await(router().start(exec));
    String first = outcome(router().write(exec.execId(), 0, Buffer.buffer("abc"), false));
    String overlap = outcome(router().write(exec.execId(), 1, Buffer.buffer("bcd"), false));
    String gap = outcome(router().write(exec.execId(), 4 + BEYOND, Buffer.buffer("zzz"), false));
    String end = outcome(router().write(exec.execId(), 0, Buffer.buffer(), true));
    await(router().exit(exec.execId()));
    return "first " + first + ", overlap " + overlap + ", gap " + gap + ", end " + end + "; the process read \""
        + read(router(), exec.execId(), 0) + "\"";
  }

  String beyondTheEnd() {
    String execId = finished(router(), "printf 0123456789");
    StdioReader reader = router().read(execId, Stdio.STDOUT, 10 + BEYOND, chunk -> Future.succeededFuture());
    vertx.setTimer(Duration.ofSeconds(10).toMillis(), late -> reader.stop());
    long before = System.nanoTime();
    String outcome = outcome(reader.done());
    return outcome + (System.nanoTime() - before > Duration.ofSeconds(9).toNanos() ? ", but only because it was given up after 10 s" : "")
        + ", now at byte " + reader.offset();
  }

  String messageSizes() {
    int bytes = Math.min(MESSAGE_SAMPLE_BYTES, scale.outputBytes());
    String execId = finished(router(), "head -c " + bytes + " /dev/zero | tr '\\0' x");
    IntSummaryStatistics sizes = new IntSummaryStatistics();
    await(router().read(execId, Stdio.STDOUT, 0, chunk -> {
      sizes.accept(chunk.length());
      return Future.succeededFuture();
    }).done());
    return sizes.getCount() + " messages of " + sizes.getMin() + " to " + sizes.getMax() + " bytes for " + sizes.getSum();
  }

  String idleClock() {
    SandboxCreateV2Request.Builder request = bed.request();
    request.getDefinitionBuilder().setIdleTimeoutSecs((int) scale.idle().toSeconds());
    CommandRouter busy = bed.router(request.build());
    CommandRouter idle = bed.router(request.build());
    await(busy.start(shell("sleep 3600")));
    pass(scale.idle().multipliedBy(3));
    return "after three idle timeouts of " + scale.idle().toSeconds() + " s: with the process " + state(busy) + ", without one " + state(idle);
  }

  private String state(CommandRouter of) {
    return await(client.ended(of.sandboxId(), Duration.ZERO)).map(result -> "ended (" + SandboxEnd.reason(result) + ")").orElse("runs");
  }

  String execTimeout() {
    ExecSpec exec = new ExecSpec(UUID.randomUUID().toString(), List.of("sleep", "3600"), Map.of(), null, Duration.ofSeconds(1));
    await(router().start(exec));
    await(router().exit(exec.execId()));
    TaskExecPollResponse end = await(router().call(ModalRpc.EXEC_POLL,
        TaskExecPollRequest.newBuilder().setTaskId(router().taskId()).setExecId(exec.execId()).build()));
    return switch (end.getExitStatusCase()) {
      case CODE -> "code " + end.getCode();
      case SIGNAL -> "signal " + end.getSignal();
      case EXITSTATUS_NOT_SET -> "nothing is set";
    };
  }

  String routerUrl() {
    router();
    for (int i = 0; i < URL_ASKS; i++) {
      pass(Duration.ofSeconds(1));
      urls.add(access().getUrl());
    }
    return urls.size() == 1 ? "the same each of " + (URL_ASKS + 1) + " times" : "it was " + urls;
  }

  private SandboxGetCommandRouterAccessResponse access() {
    return await(client.call(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS,
        SandboxGetCommandRouterAccessRequest.newBuilder().setSandboxId(router.sandboxId()).build()));
  }

  /** With a client that does not wait when it is asked to, so that it is seen. */
  String burst() {
    ModalClient hasty = new ModalClient(vertx, options.withTimes(options.callTimeoutMs(), 0, options.workerPatienceMs()));
    SandboxCreateV2Request request = bed.request().build();
    List<Future<?>> creations = new ArrayList<>();
    for (int i = 0; i < scale.burst(); i++) {
      creations.add(bed.create(hasty, request));
    }
    Map<String, Integer> outcomes = new TreeMap<>();
    creations.forEach(creation -> outcomes.merge(outcome(creation), 1, Integer::sum));
    await(hasty.close());
    return outcomes + " of " + scale.burst() + " at once";
  }

  String tokenLives() {
    router();
    long now = System.currentTimeMillis();
    String auth = await(client.call(ModalRpc.AUTH_TOKEN_GET, AuthTokenGetRequest.getDefaultInstance())).getToken();
    return "auth token " + life(auth, now) + ", router's JWT " + life(access().getJwt(), now);
  }

  private static String life(String token, long now) {
    return JsonWebToken.expiresAtMs(token).stream().mapToObj(end -> (end - now) / 1000 + " s").findFirst().orElse("does not say");
  }

  /** The status, with the wait that was asked for. */
  private static String outcome(Future<?> call) {
    Set<String> words = new LinkedHashSet<>();
    try {
      await(call);
      words.add(GrpcStatus.OK.name());
    } catch (RuntimeException failure) {
      words.add(ModalStatusException.statusOf(failure).map(Enum::name).orElse(failure.getMessage()));
      retryAfter(failure).ifPresent(ms -> words.add("with RPCRetryPolicy of " + ms + " ms"));
    }
    return String.join(" ", words);
  }

  private static Optional<Long> retryAfter(Throwable failure) {
    return failure.getCause() instanceof ModalStatusException modal ? modal.retryAfterMs() : Optional.empty();
  }

  private static void pass(Duration time) {
    long end = System.nanoTime() + time.toNanos();
    until(() -> System.nanoTime() >= end, time.toSeconds() + 60);
  }
}
