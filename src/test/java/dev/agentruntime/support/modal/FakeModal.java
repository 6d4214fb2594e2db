package dev.agentruntime.support.modal;

import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.grpc.common.GrpcStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

/**
 * Modal on loopback. Its methods may be called from any thread but an event loop, and block. Sandboxes end with this process, however it
 * ends; a server that is tested lives and dies as it likes.
 */
public final class FakeModal implements AutoCloseable {

  private static final int WORKERS = 2;
  private static final long PATIENCE_SECONDS = 60;
  private static final long LOOK_MILLIS = 500;
  private static final int CHUNK_BYTES = 64 << 10;

  final CallLog log = new CallLog();
  final Clock clock = new Clock();
  final Tokens authTokens = new Tokens(clock, Duration.ofMinutes(20));
  final Tokens routerTokens = new Tokens(clock, Duration.ofHours(1));
  final FakeImages images;
  private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1).setWorkerPoolSize(4));
  private final Context loop = vertx.getOrCreateContext();
  private final Path directory;
  private final ControlService control;
  private final List<RouterService> workers = new ArrayList<>();
  private final Map<String, FakeSandbox> sandboxes = new LinkedHashMap<>();
  private final Set<FakeSandbox> running = new HashSet<>();
  private final Map<String, Future<String>> snapshots = new HashMap<>();
  private final Set<Path> provided = new LinkedHashSet<>();
  private final Map<String, Path> programs = new LinkedHashMap<>();
  private ConnectionCutter cutter;
  private double lastCreated;
  private boolean capacity = true;
  private int chunkBytes = CHUNK_BYTES;

  private FakeModal(Path directory) {
    this.directory = directory;
    images = new FakeImages(vertx, new FakeImages.Containers() {
      @Override
      public Path directory() {
        return FakeModal.this.directory;
      }

      @Override
      public Container start(Path at) throws IOException {
        return Container.start(at, List.copyOf(provided), Map.copyOf(programs));
      }
    });
    control = new ControlService(this, vertx);
    for (int i = 0; i < WORKERS; i++) {
      workers.add(new RouterService(this, vertx));
    }
    Path javaHome = Path.of(System.getProperty("java.home"));
    provided.addAll(List.of(javaHome, Path.of(System.getProperty("user.dir")), Path.of(System.getProperty("user.home"), ".m2")));
    programs.put("java", javaHome.resolve("bin/java"));
  }

  /** What a sandbox is, seen from outside. */
  public record SandboxState(String id, String name, Map<String, String> tags, boolean alive, String status, int activeExecs) {}

  /** @param directory for the sandboxes' files; made if need be */
  public static FakeModal start(Path directory) {
    try {
      Files.createDirectories(directory);
      FakeModal modal = new FakeModal(directory.toRealPath());
      await(modal.control.endpoint().listen());
      for (RouterService worker : modal.workers) {
        await(worker.endpoint().listen());
      }
      modal.vertx.setPeriodic(LOOK_MILLIS, timer -> modal.lookAtAll());
      return modal;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** For {@code MODAL_SERVER_URL}. */
  public String url() {
    return "http://127.0.0.1:" + control.endpoint().port();
  }

  /** What a server is to be started with: the official clients' variables. */
  public Map<String, String> settings() {
    return Map.of("MODAL_SERVER_URL", url(), "MODAL_TOKEN_ID", ControlService.TOKEN_ID, "MODAL_TOKEN_SECRET", ControlService.TOKEN_SECRET);
  }

  /** What Modal's own SDK is to be started with: it would look for a file too. */
  public Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>(settings());
    environment.put("MODAL_CONFIG_PATH", "/dev/null");
    return environment;
  }

  // ---- what it is to do

  /** What the next calls of a method meet. */
  public void meet(ModalRpc<?, ?> rpc, int times, Fault fault) {
    log.meet(rpc, times, fault);
  }

  public void meet(ModalRpc<?, ?> rpc, Fault fault) {
    meet(rpc, 1, fault);
  }

  /** How long every call that has no fault of its own takes in addition. */
  public void latency(Duration each) {
    log.latency(each);
  }

  public void clearFaults() {
    log.clearFaults();
  }

  /** The next image that is made fails. @param said by its last command, in the log */
  public void failNextBuild(GenericStatus status, String said) {
    onLoop(() -> {
      images.failNext(status, said);
      return null;
    });
  }

  /** What every image of a registry that is asked for from now on sets, as an operator's own may. */
  public void variable(String name, String value) {
    onLoop(() -> {
      images.variable(name, value);
      return null;
    });
  }

  /** A folder of this machine that sandboxes and builds from now on see at the same place. */
  public void provide(Path folder) {
    onLoop(() -> provided.add(folder.toAbsolutePath()));
  }

  /** No image that was made so far is there any more. */
  public void forgetImages() {
    onLoop(() -> {
      images.forget();
      return null;
    });
  }

  /** No app that was made so far is there any more. Its sandboxes are left alone. */
  public void stopApps() {
    onLoop(() -> {
      control.stopApps();
      return null;
    });
  }

  /** Without it a sandbox is created and never gets a task. */
  public void capacity(boolean enough) {
    onLoop(() -> capacity = enough);
  }

  /** How many bytes of output are in a message at most. */
  public void chunkBytes(int most) {
    onLoop(() -> chunkBytes = most);
  }

  public void authTokenLifetime(Duration lifetime) {
    authTokens.lifetime(lifetime);
  }

  public void routerTokenLifetime(Duration lifetime) {
    routerTokens.lifetime(lifetime);
  }

  /** No auth token that was given so far is good any more, whatever is written in it. */
  public void revokeAuthTokens() {
    authTokens.revokeAll();
  }

  /** No token for a router that was given so far is good any more, whatever is written in it. */
  public void revokeRouterTokens() {
    routerTokens.revokeAll();
  }

  /** Closes every connection, as when a network fails. */
  public void killConnections() {
    onLoop(() -> {
      control.endpoint().killConnections();
      workers.forEach(worker -> worker.endpoint().killConnections());
      return null;
    });
  }

  /** How many connections clients have. */
  public int connections() {
    return onLoop(() -> control.endpoint().connections() + workers.stream().mapToInt(worker -> worker.endpoint().connections()).sum());
  }

  /** From now on routers are reached by way of a proxy that can break connections at any byte. */
  public ConnectionCutter cutConnections() {
    if (cutter == null) {
      cutter = ConnectionCutter.start(vertx, workers.stream().map(worker -> worker.endpoint().port()).toList());
    }
    return cutter;
  }

  /** Ends a sandbox as its host does that fails, or its time that is over. */
  public void end(String sandboxId, GenericStatus status) {
    await(onLoop(() -> sandbox(sandboxId).end(GenericResult.newBuilder().setStatus(status).build())));
  }

  /** Time passes, for lifetimes, idle times and tokens. */
  public void timePasses(Duration time) {
    clock.skip(time);
    onLoop(() -> {
      lookAtAll();
      return null;
    });
  }

  /** What sandboxes made from now on have on their search path, in place of what an image's commands would have put there. */
  public void program(String name, Path executable) {
    onLoop(() -> {
      provided.add(executable.toAbsolutePath().getParent());
      return programs.put(name, executable.toAbsolutePath());
    });
  }

  // ---- what came of it

  /** How often each method was called. */
  public Map<String, Integer> calls() {
    return log.counts();
  }

  public int calls(ModalRpc<?, ?> rpc) {
    return log.counts().getOrDefault(rpc.name(), 0);
  }

  public List<RecordedCall> recorded() {
    return log.recorded();
  }

  /** Of one method. */
  public List<RecordedCall> recorded(ModalRpc<?, ?> rpc) {
    return log.recorded().stream().filter(call -> call.name().equals(rpc.name())).toList();
  }

  public void forgetCalls() {
    log.forget();
  }

  /** The commands of each image that was made. */
  public List<List<String>> images() {
    return onLoop(images::built);
  }

  /** Every sandbox there ever was, in the order made. */
  public List<SandboxState> sandboxes() {
    return onLoop(() -> sandboxes.values().stream().map(sandbox -> new SandboxState(sandbox.id, sandbox.name,
        sandbox.tags.stream().collect(Collectors.toMap(tag -> tag.getTagName(), tag -> tag.getTagValue())), sandbox.isAlive(),
        sandbox.result().getStatus().name(), sandbox.activeExecs())).toList());
  }

  public List<SandboxState> alive() {
    return sandboxes().stream().filter(SandboxState::alive).toList();
  }

  /** Where a path of a sandbox is on this machine. */
  public Path path(String sandboxId, String path) {
    return directory.resolve(sandboxId).resolve("root").resolve(Path.of("/").relativize(Path.of(path)));
  }

  // ---- for the two services, on the event loop

  int chunkBytes() {
    return chunkBytes;
  }

  boolean hasCapacity() {
    return capacity;
  }

  int routerPort(int port) {
    return cutter == null ? port : cutter.portOf(port);
  }

  FakeSandbox add(SandboxCreateV2Request request, FakeImages.FakeImage image) {
    lastCreated = Math.max(clock.millis() / 1000.0, lastCreated + 0.000_1);
    FakeSandbox sandbox = new FakeSandbox(vertx, clock, directory, request, image, workers.get(sandboxes.size() % WORKERS), lastCreated);
    sandboxes.put(sandbox.id, sandbox);
    return sandbox;
  }

  Future<Void> run(FakeSandbox sandbox) {
    return sandbox.start(List.copyOf(provided), Map.copyOf(programs)).onSuccess(started -> {
      running.add(sandbox);
      sandbox.worker.add(sandbox);
    });
  }

  boolean runs(FakeSandbox sandbox) {
    return running.contains(sandbox);
  }

  FakeSandbox sandbox(String id) {
    FakeSandbox sandbox = sandboxes.get(id);
    if (sandbox == null) {
      throw new Refusal(GrpcStatus.NOT_FOUND, "no sandbox " + id);
    }
    return sandbox;
  }

  FakeSandbox byTask(String taskId) {
    return sandboxes.values().stream().filter(sandbox -> sandbox.taskId.equals(taskId)).findFirst()
        .orElseThrow(() -> new Refusal(GrpcStatus.NOT_FOUND, "no task " + taskId));
  }

  FakeSandbox find(String name, String appId) {
    return sandboxes.values().stream().filter(sandbox -> sandbox.isAlive() && sandbox.name.equals(name) && sandbox.appId.equals(appId))
        .findFirst().orElse(null);
  }

  Collection<FakeSandbox> allSandboxes() {
    return sandboxes.values();
  }

  /** Once for each id that the client gives. */
  Future<String> snapshot(FakeSandbox sandbox, String snapshotId) {
    return snapshots.computeIfAbsent(snapshotId, id -> sandbox.snapshot(directory.resolve(Ids.of("snapshot-")))
        .map(files -> images.snapshot(sandbox.image, files).id));
  }

  private void lookAtAll() {
    running.removeIf(sandbox -> !sandbox.isAlive());
    List.copyOf(running).forEach(FakeSandbox::look);
  }

  private <T> T onLoop(Callable<T> work) {
    io.vertx.core.Promise<T> result = io.vertx.core.Promise.promise();
    loop.runOnContext(v -> {
      try {
        result.complete(work.call());
      } catch (Exception e) {
        result.fail(e);
      }
    });
    return await(result.future());
  }

  private static <T> T await(Future<T> future) {
    try {
      return future.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("the fake of Modal does not answer", e);
    }
  }

  /** Ends every sandbox. */
  @Override
  public void close() {
    List<FakeSandbox> left = onLoop(() -> sandboxes.values().stream().filter(FakeSandbox::isAlive).toList());
    for (FakeSandbox sandbox : left) {
      end(sandbox.id, GenericStatus.GENERIC_STATUS_TERMINATED);
    }
    await(vertx.close());
    Container.delete(directory);
  }
}
