package dev.agentruntime.support.modal;

import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.Sandbox;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxTag;
import dev.agentruntime.sandbox.modal.proto.TaskExecStartRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStderrConfig;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdoutConfig;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.grpc.common.GrpcStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A sandbox and its commands, from the call that creates it to its result. On the event loop. */
final class FakeSandbox {

  static final String PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  private static final long DEFAULT_LIFETIME_SECONDS = 300;

  final String id = Ids.of("sb-");
  final String taskId = Ids.of("ta-") + "V";
  final String appId;
  final Sandbox definition;
  final FakeImages.FakeImage image;
  final RouterService worker;
  final double createdAt;
  String name;
  List<SandboxTag> tags;
  private final Vertx vertx;
  private final Context loop;
  private final Clock clock;
  private final Path directory;
  private final Map<String, String> environment = new HashMap<>();
  private final Map<String, FakeExec> execs = new HashMap<>();
  private final Promise<GenericResult> ended = Promise.promise();
  private final long dies;
  private long activeAt;
  private boolean ending;
  private Container container;

  FakeSandbox(Vertx vertx, Clock clock, Path directory, SandboxCreateV2Request request, FakeImages.FakeImage image, RouterService worker,
      double createdAt) {
    this.vertx = vertx;
    this.loop = vertx.getOrCreateContext();
    this.clock = clock;
    this.directory = directory.resolve(id);
    this.appId = request.getAppId();
    this.definition = request.getDefinition();
    this.image = image;
    this.worker = worker;
    this.createdAt = createdAt;
    this.name = definition.getName();
    this.tags = request.getTagsList();
    environment.put("PATH", PATH);
    environment.put("HOME", "/root");
    environment.putAll(image.environment);
    environment.putAll(request.getEphemeralSecrets().getContentsMap());
    request.getSecretSourcesList().forEach(source -> environment.putAll(source.getEnv().getContentsMap()));
    environment.put("MODAL_SANDBOX_ID", id);
    environment.put("MODAL_TASK_ID", taskId);
    long seconds = definition.getTimeoutSecs() == 0 ? DEFAULT_LIFETIME_SECONDS : definition.getTimeoutSecs();
    dies = clock.millis() + TimeUnit.SECONDS.toMillis(seconds);
    activeAt = clock.millis();
  }

  Future<Void> start(List<Path> provided, Map<String, Path> programs) {
    return blocking(() -> {
      Files.createDirectories(directory.resolve("root"));
      if (image.files != null) {
        Container.copy(image.files, directory.resolve("root"));
      }
      return Container.start(directory, provided, programs);
    }).compose(made -> {
      container = made;
      if (ending) {
        // It was ended while it was being made.
        return endContainer();
      }
      return definition.getEntrypointArgsCount() == 0 ? Future.succeededFuture() : startEntrypoint();
    });
  }

  private Future<Void> startEntrypoint() {
    return exec(TaskExecStartRequest.newBuilder().setExecId(entrypointId()).addAllCommandArgs(definition.getEntrypointArgsList())
        .setStdoutConfig(TaskExecStdoutConfig.TASK_EXEC_STDOUT_CONFIG_PIPE)
        .setStderrConfig(TaskExecStderrConfig.TASK_EXEC_STDERR_CONFIG_PIPE).build()).compose(exec -> {
          exec.exit().onSuccess(code -> end(GenericResult.newBuilder()
              .setStatus(code == 0 ? GenericStatus.GENERIC_STATUS_SUCCESS : GenericStatus.GENERIC_STATUS_FAILURE).setExitcode(code).build()));
          return Future.succeededFuture();
        });
  }

  private static String entrypointId() {
    return "entrypoint";
  }

  /** Unset while it runs. */
  GenericResult result() {
    return ended.future().isComplete() ? ended.future().result() : GenericResult.getDefaultInstance();
  }

  Future<GenericResult> ended() {
    return ended.future();
  }

  boolean isAlive() {
    return !ended.future().isComplete();
  }

  /** It does not take commands any more, and may still be there. */
  boolean isEnding() {
    return ending;
  }

  FakeExec entrypoint() {
    return get(entrypointId());
  }

  FakeExec get(String execId) {
    FakeExec exec = execs.get(execId);
    if (exec == null) {
      throw new Refusal(GrpcStatus.NOT_FOUND, "no exec " + execId);
    }
    return exec;
  }

  int activeExecs() {
    return (int) execs.values().stream().filter(exec -> exec.isRunning() && !exec.id.equals(entrypointId())).count();
  }

  void active() {
    activeAt = clock.millis();
  }

  /** Starts a command, once for each id. */
  Future<FakeExec> exec(TaskExecStartRequest request) {
    FakeExec known = execs.get(request.getExecId());
    if (known != null) {
      return Future.succeededFuture(known);
    }
    if (request.getCommandArgsCount() == 0 || request.getExecId().isEmpty()) {
      throw new Refusal(GrpcStatus.INVALID_ARGUMENT, "a command and an id are needed");
    }
    if (request.getStderrConfig() == TaskExecStderrConfig.TASK_EXEC_STDERR_CONFIG_STDOUT) {
      throw new Refusal(GrpcStatus.INVALID_ARGUMENT, "stderr cannot go to stdout");
    }
    FakeExec exec;
    try {
      exec = new FakeExec(request.getExecId(), loop, new Spool(loop, spoolPath(request, "out")), new Spool(loop, spoolPath(request, "err")));
    } catch (IOException e) {
      throw new Refusal(GrpcStatus.INTERNAL, e.toString());
    }
    execs.put(exec.id, exec);
    exec.exit().onSuccess(code -> active());
    active();
    if (request.getCommandArgs(0).equals(FileTool.PATH)) {
      new FileTool(container.root(), exec).start(request.getCommandArgs(1));
      return Future.succeededFuture(exec);
    }
    return blocking(() -> spawn(request, exec)).onFailure(e -> execs.remove(exec.id)).map(exec);
  }

  private Path spoolPath(TaskExecStartRequest request, String stream) {
    return directory.resolve(request.getExecId().replaceAll("\\W", "_") + "." + stream);
  }

  private Void spawn(TaskExecStartRequest request, FakeExec exec) throws IOException {
    Map<String, String> variables = new HashMap<>(environment);
    variables.putAll(request.getEnvMap());
    request.getSecretSourcesList().forEach(source -> variables.putAll(source.getEnv().getContentsMap()));
    String workdir = request.hasWorkdir() ? request.getWorkdir() : definition.hasWorkdir() ? definition.getWorkdir() : image.workdir;
    ProcessBuilder builder = container.command(request.getCommandArgsList(), variables, workdir);
    boolean out = request.getStdoutConfig() == TaskExecStdoutConfig.TASK_EXEC_STDOUT_CONFIG_PIPE;
    boolean err = request.getStderrConfig() == TaskExecStderrConfig.TASK_EXEC_STDERR_CONFIG_PIPE;
    Process process = builder.redirectOutput(out ? ProcessBuilder.Redirect.PIPE : ProcessBuilder.Redirect.DISCARD)
        .redirectError(err ? ProcessBuilder.Redirect.PIPE : ProcessBuilder.Redirect.DISCARD).start();
    exec.input(process.getOutputStream());
    exec.stdout.pump(process.getInputStream());
    exec.stderr.pump(process.getErrorStream());
    process.onExit().thenAccept(done -> exec.ended(done.exitValue()));
    if (request.getTimeoutSecs() > 0) {
      loop.runOnContext(v -> vertx.setTimer(TimeUnit.SECONDS.toMillis(request.getTimeoutSecs()), timer -> kill(process)));
    }
    return null;
  }

  private static void kill(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
  }

  /** Ends it if its time has come. */
  void look() {
    long now = clock.millis();
    if (now >= dies) {
      end(GenericResult.newBuilder().setStatus(GenericStatus.GENERIC_STATUS_TIMEOUT).build());
    } else if (definition.getIdleTimeoutSecs() > 0 && activeExecs() == 0
        && now - activeAt >= TimeUnit.SECONDS.toMillis(definition.getIdleTimeoutSecs())) {
      end(GenericResult.newBuilder().setStatus(GenericStatus.GENERIC_STATUS_IDLE_TIMEOUT).build());
    }
  }

  /** Its result is there when all of it has ended, and not before. */
  Future<Void> end(GenericResult result) {
    if (ending) {
      return ended.future().mapEmpty();
    }
    ending = true;
    return (container == null ? Future.<Void>succeededFuture() : endContainer()).eventually(() -> {
      ended.complete(result);
      return Future.succeededFuture();
    });
  }

  private Future<Void> endContainer() {
    worker.breakStreams(this);
    return blocking(() -> {
      container.end();
      return null;
    }).onSuccess(v -> {
      execs.values().forEach(exec -> {
        exec.stdout.discard();
        exec.stderr.discard();
      });
      Container.delete(directory);
    }).mapEmpty();
  }

  /** Everything that is its own, as files of an image. */
  Future<Path> snapshot(Path to) {
    return blocking(() -> {
      Files.createDirectories(to);
      Container.copy(container.root(), to);
      return to;
    });
  }

  private <T> Future<T> blocking(java.util.concurrent.Callable<T> work) {
    return vertx.executeBlocking(work, false);
  }
}
