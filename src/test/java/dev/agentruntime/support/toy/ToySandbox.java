package dev.agentruntime.support.toy;

import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxPath;
import dev.agentruntime.sandbox.SandboxProcess;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** A sandbox that is a map of files and of processes. Thread-safe. */
final class ToySandbox implements Sandbox, SandboxFiles {

  private record Content(Buffer bytes, long modifiedAt) {}

  private final String id;
  private final ToyWorld world;
  private final Map<SandboxPath, Content> files = new ConcurrentHashMap<>();
  private final Map<String, ToyProcess> processes = new ConcurrentHashMap<>();
  private final AtomicLong term = new AtomicLong();
  private volatile boolean gone;

  ToySandbox(String id, ToyWorld world) {
    this.id = id;
    this.world = world;
  }

  private <T> Future<T> here(Supplier<T> answer) {
    return gone ? Future.failedFuture(new SandboxException(Kind.GONE, "the sandbox is gone"))
        : world.isStuck() ? Future.future(promise -> { }) : Future.succeededFuture(answer.get());
  }

  /** For an owner of its session, who comes after those before. */
  Future<Sandbox> hold(long newTerm) {
    if (term.getAndAccumulate(newTerm, Math::max) >= newTerm) {
      return taken();
    }
    return Future.succeededFuture(this);
  }

  private static <T> Future<T> taken() {
    return Future.failedFuture(new SandboxException(Kind.GONE, "another server has taken the sandbox"));
  }

  @Override
  public Future<Void> release() {
    world.released(id);
    return Future.succeededFuture();
  }

  void vanish() {
    gone = true;
    processes.values().forEach(ToyProcess::vanish);
  }

  /** The processes that run. */
  List<ToyProcess> running() {
    return processes.values().stream().filter(process -> !process.ended()).toList();
  }

  int untaken() {
    return processes.values().stream().mapToInt(ToyProcess::untaken).sum();
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public String workspace() {
    return "/workspace";
  }

  @Override
  public String home() {
    return "/home";
  }

  @Override
  public SandboxFiles files() {
    return this;
  }

  @Override
  public Future<SandboxProcess> start(String processId, ProcessSpec spec) {
    Supplier<Future<?>> instead = world.insteadOfStart();
    if (instead != null) {
      return instead.get().compose(v -> taken());
    }
    return here(() -> {
      ToyProcess process = new ToyProcess(processId, world);
      processes.put(processId, process);
      if (spec.command().contains("stillborn")) {
        process.end(ToyProcess.DIED);
      }
      return process;
    });
  }

  @Override
  public Future<SandboxProcess> attach(String processId) {
    ToyProcess process = processes.get(processId);
    return process == null ? Future.failedFuture(new SandboxException(Kind.GONE, "there is no such process")) : here(() -> process);
  }

  @Override
  public Future<Completed> run(ProcessSpec spec, Duration timeout) {
    return here(() -> new Completed(0, "", ""));
  }

  @Override
  public void watch(Handler<FileHint> changes) {
    // Nothing changes files here but the session itself.
  }

  @Override
  public Future<Void> terminate() {
    return world.terminate(id);
  }

  @Override
  public Future<Listing> list(SandboxPath directory) {
    world.use("list");
    return here(() -> new Listing(files.keySet().stream().filter(path -> path.root() == directory.root()).map(this::entry).toList(), 0));
  }

  private Entry entry(SandboxPath path) {
    Content content = files.get(path);
    return new Entry(path.relative(), content.bytes().length(), content.modifiedAt());
  }

  @Override
  public Future<Entry> stat(SandboxPath path) {
    return here(() -> files.containsKey(path)).compose(there -> there ? Future.succeededFuture(entry(path))
        : Future.failedFuture(new SandboxException(Kind.NO_FILE, "there is no such file")));
  }

  @Override
  public Future<Buffer> read(SandboxPath path, long offset, int length) {
    return stat(path).map(entry -> files.get(path).bytes().getBuffer((int) offset, (int) Math.min(entry.size(), offset + length)));
  }

  @Override
  public Future<Void> write(List<FileContent> written) {
    Runnable instead = world.insteadOfWrite();
    if (instead != null) {
      instead.run();
      return Future.future(promise -> { });
    }
    return here(() -> {
      written.forEach(file -> files.put(file.path(), new Content(file.content(), file.modifiedAt())));
      return null;
    });
  }

  @Override
  public Future<Void> append(SandboxPath path, long offset, Buffer bytes) {
    return here(() -> {
      Buffer before = offset == 0 ? Buffer.buffer() : files.get(path).bytes().getBuffer(0, (int) offset);
      files.put(path, new Content(before.appendBuffer(bytes), 0));
      return null;
    });
  }

  @Override
  public Future<Void> delete(SandboxPath path) {
    return here(() -> {
      files.remove(path);
      return null;
    });
  }
}
