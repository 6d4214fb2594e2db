package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.sandbox.SuppliedFiles;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A sandbox of Modal's, by way of its supervisor. */
final class ModalSandbox implements Sandbox, Supervisor.Listener {

  private static final int RUN_OUTPUT_BYTES = 64 * 1024;

  private final String id;
  private final Supervisor supervisor;
  private final ModalFiles files;
  private final long renewBeforeMs;
  private final Supplier<Future<Void>> terminate;
  private final Consumer<ModalSandbox> onClosed;
  private final Map<String, ModalProcess> processes = new ConcurrentHashMap<>();
  private final List<Handler<FileHint>> watchers = new CopyOnWriteArrayList<>();
  private volatile JsonObject facts = new JsonObject();

  /** @param onClosed told when it is of no use any more */
  ModalSandbox(CommandRouter router, ModalSandboxOptions options, long term, Supplier<Future<Void>> terminate, Consumer<ModalSandbox> onClosed) {
    this.id = router.sandboxId();
    this.supervisor = new Supervisor(router, this, options.leaseMs(), term);
    this.files = new ModalFiles(supervisor);
    this.renewBeforeMs = options.renewBeforeMs();
    this.terminate = terminate;
    this.onClosed = onClosed;
  }

  /** @param made what to keep in a new sandbox; {@code null} for one that is there */
  Future<Sandbox> open(JsonObject made) {
    return supervisor.open(made).map(told -> {
      facts = told;
      return this;
    });
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public String workspace() {
    return facts.getString("workspace");
  }

  @Override
  public String home() {
    return facts.getString("home");
  }

  @Override
  public String supplied(SuppliedFiles files) {
    String folder = FilesLayer.folder(files);
    return folder != null && folder.equals(facts.getString("supplied")) ? folder : null;
  }

  @Override
  public long renewAt() {
    return facts.getLong("expiresAt") - renewBeforeMs;
  }

  @Override
  public SandboxFiles files() {
    return files;
  }

  @Override
  public Future<SandboxProcess> start(String processId, ProcessSpec spec) {
    return start(processId, spec, List.of());
  }

  @Override
  public Future<SandboxProcess> start(String processId, ProcessSpec spec, List<FileContent> before) {
    ModalProcess process = processes.computeIfAbsent(processId, id -> new ModalProcess(id, supervisor));
    return supervisor.ask(question("start", processId, spec).put("files", ModalFiles.described(before)), ModalFiles.contents(before))
        .onFailure(e -> processes.remove(processId, process)).map(process);
  }

  @Override
  public Future<SandboxProcess> attach(String processId) {
    ModalProcess known = processes.get(processId);
    ModalProcess process = known != null ? known : processes.computeIfAbsent(processId, id -> new ModalProcess(id, supervisor));
    return process.attach().onFailure(e -> {
      if (known == null) {
        processes.remove(processId, process);
      }
    }).map(process);
  }

  @Override
  public Future<Completed> run(ProcessSpec spec, Duration timeout) {
    JsonObject question = question("run", Sandbox.newProcessId(), spec).put("timeoutMs", timeout.toMillis()).put("length", RUN_OUTPUT_BYTES);
    return supervisor.askOnce(question, Buffer.buffer()).map(answer -> {
      int outLength = answer.header().getInteger("outLength");
      return new Completed(answer.header().getInteger("code"), answer.body().getString(0, outLength),
          answer.body().getString(outLength, answer.body().length()));
    });
  }

  @Override
  public void watch(Handler<FileHint> changes) {
    watchers.add(changes);
    supervisor.ask(new JsonObject().put("op", "watch"));
  }

  @Override
  public Future<Void> terminate() {
    return terminate.get();
  }

  @Override
  public Future<Void> release() {
    onClosed.accept(this);
    return supervisor.close(new SandboxException(Kind.GONE, "the sandbox was let go of"));
  }

  /** It is being ended: nothing is asked of it any more. */
  void ends() {
    supervisor.abandon(new SandboxException(Kind.GONE, "the sandbox has ended"));
  }

  @Override
  public void event(JsonObject event) {
    switch (event.getString("event")) {
      case "exit" -> {
        ModalProcess process = processes.remove(event.getString("process"));
        if (process != null) {
          process.ended(event.getInteger("code"));
        }
      }
      case "changed" -> event.getJsonArray("paths").forEach(path ->
          watchers.forEach(watcher -> watcher.handle(new FileHint((String) path))));
      default -> { }
    }
  }

  @Override
  public void restarted() {
    if (!watchers.isEmpty()) {
      supervisor.ask(new JsonObject().put("op", "watch"));
      watchers.forEach(watcher -> watcher.handle(new FileHint("")));
    }
    processes.values().forEach(ModalProcess::attach);
  }

  @Override
  public void closed(SandboxException why) {
    processes.values().forEach(process -> process.ended(ModalProcess.UNKNOWN));
    processes.clear();
    onClosed.accept(this);
  }

  private static JsonObject question(String operation, String processId, ProcessSpec spec) {
    return new JsonObject().put("op", operation).put("process", processId).put("command", new JsonArray(spec.command()))
        .put("environment", new JsonObject(Map.copyOf(spec.environment()))).put("input", true);
  }
}
