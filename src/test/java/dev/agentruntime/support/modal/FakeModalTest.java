package dev.agentruntime.support.modal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.modal.CommandRouter;
import dev.agentruntime.sandbox.modal.ExecSpec;
import dev.agentruntime.sandbox.modal.ModalClient;
import dev.agentruntime.sandbox.modal.ModalClientOptions;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.Image;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingRequest;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingResponse;
import dev.agentruntime.sandbox.modal.proto.ObjectCreationType;
import dev.agentruntime.sandbox.modal.proto.Sandbox;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Response;
import dev.agentruntime.support.SandboxTraces;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What other tests believe of the fake without looking, beside what Modal's own SDK looks at. */
class FakeModalTest {

  @TempDir
  Path directory;
  private final Vertx vertx = Vertx.vertx();
  private FakeModal modal;
  private ModalClient client;
  private String app;
  private String image;

  @BeforeEach
  void start() throws Exception {
    modal = FakeModal.start(directory.resolve("modal"));
    client = new ModalClient(vertx, ModalClientOptions.of(URI.create(modal.url()), "ak-fake", "as-fake"));
    app = await(client.call(ModalRpc.APP_GET_OR_CREATE, AppGetOrCreateRequest.newBuilder().setAppName("fake")
        .setObjectCreationType(ObjectCreationType.OBJECT_CREATION_TYPE_CREATE_IF_MISSING).build())).getAppId();
    image = build("FROM scratch").getImageId();
    join(image);
  }

  @AfterEach
  void stop() throws Exception {
    await(client.close());
    modal.close();
    await(vertx.close());
  }

  private static <T> T await(Future<T> future) throws Exception {
    return future.await(30, TimeUnit.SECONDS);
  }

  private ImageGetOrCreateResponse build(String... commands) throws Exception {
    return await(client.call(ModalRpc.IMAGE_GET_OR_CREATE, ImageGetOrCreateRequest.newBuilder().setAppId(app)
        .setImage(Image.newBuilder().addAllDockerfileCommands(List.of(commands))).build()));
  }

  /** @return all that was said until the build had ended */
  private List<ImageJoinStreamingResponse> join(String id) throws Exception {
    List<ImageJoinStreamingResponse> said = new ArrayList<>();
    await(client.stream(ModalRpc.IMAGE_JOIN_STREAMING, ImageJoinStreamingRequest.newBuilder().setImageId(id).setTimeout(30).build(),
        Duration.ofSeconds(30), message -> {
          said.add(message);
          return Future.succeededFuture();
        }));
    return said;
  }

  private SandboxCreateV2Response create(int lifetimeSeconds, int idleSeconds) throws Exception {
    return await(client.call(ModalRpc.SANDBOX_CREATE, SandboxCreateV2Request.newBuilder().setAppId(app).setDefinition(
        Sandbox.newBuilder().setImageId(image).setTimeoutSecs(lifetimeSeconds).setIdleTimeoutSecs(idleSeconds)).build()));
  }

  private CommandRouter router(SandboxCreateV2Response sandbox) {
    return client.router(sandbox.getSandboxId(), sandbox.getTaskId(), null);
  }

  private static String start(CommandRouter router, String script) throws Exception {
    String id = UUID.randomUUID().toString();
    await(router.start(new ExecSpec(id, List.of("sh", "-c", script), Map.of(), "/", null)));
    return id;
  }

  private static String read(CommandRouter router, String exec) throws Exception {
    Buffer all = Buffer.buffer();
    await(router.read(exec, CommandRouter.Stdio.STDOUT, 0, chunk -> {
      all.appendBuffer(chunk);
      return Future.succeededFuture();
    }).done());
    return all.toString();
  }

  private String status(SandboxCreateV2Response sandbox) throws Exception {
    return await(client.ended(sandbox.getSandboxId(), Duration.ZERO)).map(result -> result.getStatus().name()).orElse("running");
  }

  @Test
  void aSandboxIsIdleWithoutAnExecAndNotWithOne() throws Exception {
    SandboxCreateV2Response sandbox = create(86_400, 60);
    String exec = start(router(sandbox), "read line");
    modal.timePasses(Duration.ofMinutes(10));
    assertThat(status(sandbox)).isEqualTo("running");
    await(router(sandbox).write(exec, 0, Buffer.buffer("end\n"), false));
    assertThat(await(router(sandbox).exit(exec))).isZero();
    modal.timePasses(Duration.ofSeconds(50));
    assertThat(status(sandbox)).isEqualTo("running");
    modal.timePasses(Duration.ofSeconds(15));
    assertThat(await(client.ended(sandbox.getSandboxId(), Duration.ofSeconds(20))).orElseThrow().getStatus())
        .isEqualTo(GenericStatus.GENERIC_STATUS_IDLE_TIMEOUT);
  }

  @Test
  void aSandboxEndsWithItsLifetimeAndWithAllThatRunsInIt() throws Exception {
    SandboxCreateV2Response sandbox = create(120, 0);
    String mark = "mark-" + UUID.randomUUID();
    start(router(sandbox), "setsid sleep 1000 & sh -c 'sleep 1000; true " + mark + "' & sleep 1000");
    SandboxTraces.await(() -> running(mark), () -> "it does not run");
    modal.timePasses(Duration.ofSeconds(121));
    assertThat(await(client.ended(sandbox.getSandboxId(), Duration.ofSeconds(20))).orElseThrow().getStatus())
        .isEqualTo(GenericStatus.GENERIC_STATUS_TIMEOUT);
    assertThat(running(mark)).isFalse();
    assertThat(modal.path(sandbox.getSandboxId(), "/")).doesNotExist();
    assertThatThrownBy(() -> start(router(sandbox), "true")).isInstanceOf(SandboxException.class);
  }

  private static boolean running(String mark) {
    return ProcessHandle.allProcesses().anyMatch(process -> process.info().commandLine().orElse("").contains(mark));
  }

  @Test
  void anExecRunsOnceForItsIdAndTakesItsInputOnce() throws Exception {
    CommandRouter router = router(create(600, 0));
    ExecSpec spec = new ExecSpec(UUID.randomUUID().toString(), List.of("sh", "-c", "echo once >> /count; cat"), Map.of(), "/", null);
    await(router.start(spec));
    await(router.start(spec));
    await(router.write(spec.execId(), 0, Buffer.buffer("abc"), false));
    await(router.write(spec.execId(), 1, Buffer.buffer("bcd"), false));
    assertThatThrownBy(() -> await(router.write(spec.execId(), 9, Buffer.buffer("gap"), false))).isInstanceOf(SandboxException.class);
    await(router.write(spec.execId(), 0, Buffer.buffer(), true));
    assertThat(read(router, spec.execId())).isEqualTo("abcd");
    assertThat(read(router, start(router, "cat /count"))).isEqualTo("once\n");
  }

  @Test
  void faultsHappenAsOftenAsAskedFor() throws Exception {
    CommandRouter router = router(create(600, 0));
    String exec = start(router, "printf 0123456789; exec sleep 1000");
    modal.forgetCalls();
    modal.meet(ModalRpc.EXEC_POLL, 2, Fault.refuse(GrpcStatus.UNAVAILABLE));
    modal.meet(ModalRpc.EXEC_POLL, Fault.loseAnswer());
    assertThat(await(router.poll(exec))).isEmpty();
    assertThat(modal.calls(ModalRpc.EXEC_POLL)).isEqualTo(4);
    modal.meet(ModalRpc.EXEC_STDIN_STATUS, Fault.throttle(Duration.ofMillis(300)));
    long before = System.nanoTime();
    await(router.stdinStatus(exec));
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isGreaterThan(Duration.ofMillis(300));
    modal.revokeRouterTokens();
    await(router.poll(exec));
    assertThat(modal.calls(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS)).isEqualTo(1);
  }

  @Test
  void aStreamIsCutAtTheByteAskedFor() throws Exception {
    CommandRouter router = router(create(600, 0));
    modal.chunkBytes(4);
    String exec = start(router, "printf 0123456789");
    assertThat(await(router.exit(exec))).isZero();
    for (int room = 0; room < 30; room++) {
      modal.forgetCalls();
      modal.meet(ModalRpc.EXEC_STDIO_READ, Fault.cutAfter(room));
      assertThat(read(router, exec)).as("cut after %d bytes", room).isEqualTo("0123456789");
      assertThat(modal.calls(ModalRpc.EXEC_STDIO_READ)).as("cut after %d bytes", room).isEqualTo(2);
    }
    ConnectionCutter cutter = modal.cutConnections();
    CommandRouter behind = router(create(600, 0));
    String other = start(behind, "printf 0123456789");
    assertThat(await(behind.exit(other))).isZero();
    int bytes = 0;
    for (int cuts = -1; cuts < cutter.cuts(); bytes++) {
      cuts = cutter.cuts();
      cutter.cutAfter(bytes);
      assertThat(read(behind, other)).as("connection cut after %d bytes", bytes).isEqualTo("0123456789");
    }
    assertThat(bytes).isGreaterThan(40);
  }

  @Test
  void imagesAreBuiltOnceForTheirContentAndAgainAfterAFailure() throws Exception {
    modal.failNextBuild(GenericStatus.GENERIC_STATUS_FAILURE, "npm ERR! 404");
    ImageGetOrCreateResponse failing = build("FROM scratch", "RUN npm install no-such-package");
    List<ImageJoinStreamingResponse> said = join(failing.getImageId());
    assertThat(said).last().satisfies(last -> {
      assertThat(last.getResult().getStatus()).isEqualTo(GenericStatus.GENERIC_STATUS_FAILURE);
      assertThat(last.getResult().getException()).isEmpty();
    });
    assertThat(said.toString()).containsSubsequence("RUN npm install", "npm ERR! 404");
    ImageGetOrCreateResponse again = build("FROM scratch", "RUN npm install no-such-package");
    assertThat(again.getImageId()).isNotEqualTo(failing.getImageId());
    join(again.getImageId());
    ImageGetOrCreateResponse cached = build("FROM scratch", "RUN npm install no-such-package");
    assertThat(cached.getImageId()).isEqualTo(again.getImageId());
    assertThat(cached.getResult().getStatus()).isEqualTo(GenericStatus.GENERIC_STATUS_SUCCESS);
  }

  @Test
  void sandboxesHaveProgramsAndRootsOfTheirOwn() throws Exception {
    CommandRouter one = router(create(600, 0));
    CommandRouter another = router(create(600, 0));
    assertThat(read(one, start(one, "java -version 2>&1 | head -1; echo one > /workspace.txt; echo $$ $HOME")))
        .contains(Integer.toString(Runtime.version().feature())).endsWith(" /root\n");
    assertThat(read(another, start(another, "cat /workspace.txt 2>&1"))).contains("No such file");
    assertThat(Path.of("/workspace.txt")).doesNotExist();
    assertThat(modal.path(one.sandboxId(), "/workspace.txt")).hasContent("one");
  }

  @Test
  void withoutCapacityASandboxNeverHasATask() throws Exception {
    modal.capacity(false);
    SandboxCreateV2Response sandbox = create(600, 0);
    assertThat(sandbox.getTaskId()).isEmpty();
    assertThat(modal.alive()).hasSize(1);
    modal.end(sandbox.getSandboxId(), GenericStatus.GENERIC_STATUS_TERMINATED);
    assertThat(modal.alive()).isEmpty();
  }
}
