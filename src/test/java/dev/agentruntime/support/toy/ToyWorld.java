package dev.agentruntime.support.toy;

import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxPath;
import dev.agentruntime.sandbox.SandboxProvider;
import dev.agentruntime.sandbox.SandboxSpec;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** All sandboxes there are; outlives the servers that use them. Thread-safe. */
public final class ToyWorld implements SandboxProvider {

  private record Made(ToySandbox sandbox, SandboxInfo info) {}

  private final Map<String, Made> sandboxes = new ConcurrentHashMap<>();
  private final List<String> received = new CopyOnWriteArrayList<>();
  private final List<String> released = new CopyOnWriteArrayList<>();
  private final AtomicBoolean losesMessage = new AtomicBoolean();
  private final AtomicInteger failingSignals = new AtomicInteger();
  private final AtomicInteger failedQuestions = new AtomicInteger();
  private final AtomicReference<Runnable> insteadOfWrite = new AtomicReference<>();
  private final AtomicReference<Function<Future<Sandbox>, Future<Sandbox>>> onAttach = new AtomicReference<>(found -> found);
  private final AtomicReference<Supplier<Future<?>>> insteadOfStart = new AtomicReference<>();
  private final boolean shared;
  private volatile boolean stuck;
  private volatile boolean mute;
  private final AtomicReference<String> exhausted = new AtomicReference<>();

  /** One that every server can reach. */
  public ToyWorld() {
    this(true);
  }

  /** @param shared whether it can be reached by other servers than the one that it is given to */
  public ToyWorld(boolean shared) {
    this.shared = shared;
  }

  /** What happens in place of the next writing of files into a sandbox, which has no answer. */
  public void insteadOfNextWrite(Runnable work) {
    insteadOfWrite.set(work);
  }

  /** What happens before the next start of an agent, which then fails since the sandbox is not its server's any more. */
  public void failNextStart(Supplier<Future<?>> before) {
    insteadOfStart.set(before);
  }

  /** @return {@code null} to start */
  Supplier<Future<?>> insteadOfStart() {
    return insteadOfStart.getAndSet(null);
  }

  /** What becomes of it that somebody takes hold of a sandbox. */
  public void onAttach(Function<Future<Sandbox>, Future<Sandbox>> work) {
    onAttach.set(work);
  }

  /** @return {@code null} to write */
  Runnable insteadOfWrite() {
    return insteadOfWrite.getAndSet(null);
  }

  /** How many of the signals that are sent next do not come through. */
  public void failSignals(int count) {
    failingSignals.set(count);
  }

  /** The next message does not come to its agent, and nobody is told. */
  public void loseNextMessage() {
    losesMessage.set(true);
  }

  boolean losesMessage() {
    return losesMessage.getAndSet(false);
  }

  /** Whether it is lost. */
  public boolean messageIsLost() {
    return !losesMessage.get();
  }

  boolean signalFails() {
    return failingSignals.getAndUpdate(left -> Math.max(0, left - 1)) > 0;
  }

  /** Whether nothing in a sandbox is answered, nor the making of one; the end of one is. */
  public void stuck(boolean now) {
    stuck = now;
  }

  boolean isStuck() {
    return stuck;
  }

  /** There is no memory for the next call of this kind: {@code create}, {@code write} (to an agent) or {@code list}. */
  public void exhaustNext(String call) {
    exhausted.set(call);
  }

  void use(String call) {
    if (call.equals(exhausted.getAndUpdate(next -> call.equals(next) ? null : next))) {
      throw new OutOfMemoryError("for a test");
    }
  }

  /** Whether nothing is heard of any agent, nor an answer about one. */
  public void mute(boolean now) {
    mute = now;
    running().forEach(ToyProcess::pump);
  }

  boolean isMute() {
    return mute;
  }

  boolean questionFails() {
    if (mute) {
      failedQuestions.incrementAndGet();
    }
    return mute;
  }

  /** How often an agent was asked for in vain. */
  public int failedQuestions() {
    return failedQuestions.get();
  }

  void received(String messageId) {
    received.add(messageId);
  }

  /** The ids of all messages that agents were given, in order. */
  public List<String> received() {
    return List.copyOf(received);
  }

  /** All agents die. */
  public void killAgents() {
    running().forEach(process -> process.end(ToyProcess.DIED));
  }

  /** No agent that runs now heeds an interrupt any more, nor takes an answer. */
  public void deafenAgents() {
    running().forEach(ToyProcess::deafen);
  }

  /** Puts a file into every sandbox. */
  public void write(SandboxPath path, Buffer content) {
    sandboxes.values().forEach(made -> made.sandbox().write(List.of(new SandboxFiles.FileContent(path, content, false, 0))));
  }

  /** How many answers agents were given and did not take, also those that have ended. */
  public int untaken() {
    return sandboxes.values().stream().mapToInt(made -> made.sandbox().untaken()).sum();
  }

  public int agents() {
    return running().size();
  }

  private List<ToyProcess> running() {
    return sandboxes.values().stream().flatMap(made -> made.sandbox.running().stream()).toList();
  }

  void released(String sandboxId) {
    released.add(sandboxId);
  }

  /** The sandboxes that were let go of. */
  public List<String> released() {
    return List.copyOf(released);
  }

  public void loseSandboxes() {
    List.copyOf(sandboxes.keySet()).forEach(this::terminate);
  }

  public List<String> sandboxIds() {
    return List.copyOf(sandboxes.keySet());
  }

  @Override
  public String name() {
    return "toy";
  }

  @Override
  public boolean shared() {
    return shared;
  }

  @Override
  public Future<Void> start() {
    return Future.succeededFuture();
  }

  @Override
  public Future<Sandbox> create(SandboxSpec spec, Consumer<String> progress) {
    use("create");
    if (stuck) {
      return Future.future(promise -> { });
    }
    String id = UUID.randomUUID().toString();
    ToySandbox sandbox = new ToySandbox(id, this);
    sandbox.hold(spec.term());
    sandboxes.put(id, new Made(sandbox, new SandboxInfo(id, spec.sessionId(), 0, spec.creationId())));
    return Future.succeededFuture(sandbox);
  }

  @Override
  public Future<Sandbox> attach(String sandboxId, long term) {
    Made made = sandboxes.get(sandboxId);
    return made == null ? Future.failedFuture(new SandboxException(SandboxException.Kind.GONE, "the sandbox is gone"))
        : onAttach.get().apply(made.sandbox.hold(term));
  }

  @Override
  public Future<List<SandboxInfo>> list() {
    return Future.succeededFuture(sandboxes.values().stream().map(Made::info).toList());
  }

  @Override
  public Future<Void> terminate(String sandboxId) {
    Made made = sandboxes.remove(sandboxId);
    if (made != null) {
      made.sandbox.vanish();
    }
    return Future.succeededFuture();
  }

  @Override
  public Future<Void> close() {
    return Future.succeededFuture();
  }
}
