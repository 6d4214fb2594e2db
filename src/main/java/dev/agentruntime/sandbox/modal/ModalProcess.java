package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxProcess;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/** A process in a sandbox of Modal's, by way of its supervisor. */
final class ModalProcess implements SandboxProcess {

  static final int UNKNOWN = -1;

  private final String id;
  private final Supervisor supervisor;
  private final Promise<Integer> exit = Promise.promise();
  private final AtomicReference<OutputReading> reading = new AtomicReference<>();

  ModalProcess(String id, Supervisor supervisor) {
    this.id = id;
    this.supervisor = supervisor;
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public Future<Void> readStdout(long offset, Function<Buffer, Future<Void>> consumer) {
    OutputReading started = new OutputReading(supervisor, id, offset, consumer);
    if (!reading.compareAndSet(null, started)) {
      return Future.failedFuture(new SandboxException(Kind.FAILED, "the output of the process is being read already"));
    }
    Promise<Void> done = Promise.promise();
    started.start().onComplete(result -> {
      reading.compareAndSet(started, null);
      done.handle(result);
    });
    return done.future();
  }

  @Override
  public void stopReading() {
    OutputReading current = reading.getAndSet(null);
    if (current != null) {
      current.stop();
    }
  }

  @Override
  public Future<String> stderrTail(int maxBytes) {
    return supervisor.ask(question("errorTail").put("length", maxBytes)).map(answer -> answer.body().toString());
  }

  @Override
  public Future<Void> writeStdin(Buffer bytes) {
    return writeStdin(bytes, null);
  }

  @Override
  public Future<Void> writeStdin(Buffer bytes, String mark) {
    return exit.future().isComplete() ? Future.failedFuture(new SandboxException(Kind.GONE, "the process has ended"))
        : supervisor.askOnce(question("input").put("mark", mark), bytes).mapEmpty();
  }

  /** The supervisor that is asked has ended the one before, so that nothing comes from that any more. */
  @Override
  public Future<Boolean> mayHave(String mark) {
    return supervisor.ask(question("lastMark")).map(answer -> {
      String last = answer.header().getString("mark");
      return last == null || last.equals(mark);
    });
  }

  @Override
  public Future<Void> signal(Signal signal) {
    return exit.future().isComplete() ? Future.succeededFuture()
        : supervisor.ask(question("signal").put("signal", "SIG" + signal)).<Void>mapEmpty()
            .recover(failure -> ModalFailure.isGone(failure) ? Future.succeededFuture() : Future.failedFuture(failure));
  }

  @Override
  public Future<Integer> exit() {
    return exit.future();
  }

  /** Asks for how it ended, should it have. */
  Future<Void> attach() {
    return supervisor.ask(question("attach")).mapEmpty();
  }

  void ended(int code) {
    exit.tryComplete(code);
  }

  private JsonObject question(String operation) {
    return new JsonObject().put("op", operation).put("process", id);
  }
}
