package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.sandbox.local.DirectoryWatch.Change;
import dev.agentruntime.sandbox.local.Reaper.Family;
import dev.agentruntime.sandbox.local.Reaper.Keeper;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A process that was launched by this runtime or an earlier one. Its end is known by the file that its keeper writes, or by the keeper's. */
final class LocalProcess implements SandboxProcess {

  private static final Logger log = LoggerFactory.getLogger(LocalProcess.class);

  /** What a shell reports of a process that was killed: 128 + 9. */
  static final int KILLED = 137;

  static final int UNKNOWN = -1;

  private final ProcessDirectory directory;
  private final Keeper keeper;
  private final Family family;
  private final Workers workers;
  private final Reaper reaper;
  private final InputWriter input;
  private final SerialTask exitCheck;
  private final Lookout lookout;
  private final Promise<Integer> exit = Promise.promise();
  private final AtomicReference<OutputReader> reader = new AtomicReference<>();
  private final AtomicBoolean ending = new AtomicBoolean();
  private volatile boolean ended;
  private volatile boolean doomed;
  private boolean seenAlive;

  /**
   * @param justStarted by this runtime, so that what is left of its group is known to be its own however soon it ended
   * @param pollMs between two looks if nobody tells of changes
   */
  LocalProcess(ProcessDirectory directory, Keeper keeper, boolean justStarted, DirectoryWatch watch, long pollMs, Workers workers,
               Reaper reaper) {
    this.seenAlive = justStarted;
    this.directory = directory;
    this.keeper = keeper;
    this.family = Family.ofProcess(directory.id(), keeper);
    this.workers = workers;
    this.reaper = reaper;
    this.input = new InputWriter(directory.in(), workers.input());
    this.exitCheck = new SerialTask(workers.ending(), this::checkExit);
    this.lookout = new Lookout(watch, workers, directory.path(), listener, pollMs, this::lookAtOutput, this::look);
  }

  private final DirectoryWatch.Listener listener = new DirectoryWatch.Listener() {
    @Override
    public void changed(Path name, Change change) {
      if (name.toString().equals(ProcessDirectory.OUT)) {
        wakeReader();
      } else if (name.toString().equals(ProcessDirectory.EXIT)) {
        exitCheck.wake();
      }
    }

    @Override
    public void missed() {
      check();
    }
  };

  /** Starts to follow what the process does. Blocks briefly. */
  void follow() {
    lookout.start();
    checkExit();
  }

  boolean ended() {
    return ended;
  }

  Keeper keeper() {
    return keeper;
  }

  ProcessDirectory directory() {
    return directory;
  }

  /** Looks at everything, for events that were missed. */
  void check() {
    if (!ended) {
      exitCheck.wake();
    }
    look();
  }

  /** Looks for new output and a regular end. */
  void look() {
    lookAtOutput();
    try {
      if (!ended && directory.exitCode().isPresent()) {
        exitCheck.wake();
      }
    } catch (IOException e) {
      exitCheck.wake();
    }
  }

  private void lookAtOutput() {
    OutputReader current = reader.get();
    if (current != null) {
      current.look();
    }
  }

  @Override
  public String id() {
    return directory.id();
  }

  @Override
  public Future<Void> readStdout(long offset, Function<Buffer, Future<Void>> consumer) {
    return workers.call(() -> {
      try {
        return new OutputReader(directory.out(), offset, consumer, this::ended, lookout, workers.output());
      } catch (NoSuchFileException e) {
        throw new SandboxException(Kind.GONE, "the sandbox has ended", e);
      }
    }).compose(opened -> {
      if (!reader.compareAndSet(null, opened)) {
        opened.stop();
        return Future.failedFuture(new SandboxException(Kind.FAILED, "the output of the process is being read already"));
      }
      Future<Void> done = opened.done();
      done.onComplete(result -> reader.compareAndSet(opened, null));
      opened.wake();
      return done;
    });
  }

  @Override
  public void stopReading() {
    OutputReader current = reader.getAndSet(null);
    if (current != null) {
      current.stop();
    }
  }

  @Override
  public Future<String> stderrTail(int maxBytes) {
    return workers.call(() -> {
      try {
        return ProcessDirectory.tail(directory.err(), maxBytes);
      } catch (NoSuchFileException e) {
        throw new SandboxException(Kind.GONE, "the sandbox has ended", e);
      }
    });
  }

  @Override
  public Future<Void> writeStdin(Buffer bytes) {
    return input.write(bytes);
  }

  @Override
  public Future<Void> signal(Signal signal) {
    return workers.end(() -> {
      if (!ended) {
        reaper.signal(family, signal);
        exitCheck.wake();
      }
      return null;
    });
  }

  @Override
  public Future<Integer> exit() {
    return exit.future();
  }

  /** Everything in the sandbox is about to be killed: whoever sees the process end from now on knows of what. */
  void doom() {
    doomed = true;
  }

  /** Everything in the sandbox was killed. */
  void killed() {
    try {
      end(directory.exitCode().orElse(KILLED));
    } catch (IOException e) {
      end(KILLED);
    }
  }

  private void wakeReader() {
    OutputReader current = reader.get();
    if (current != null) {
      current.wake();
    }
  }

  private void checkExit() {
    if (ended) {
      return;
    }
    try {
      boolean alive = reaper.alive(keeper);
      seenAlive |= alive;
      // In this order: a keeper that is not alive has written what it had to.
      OptionalInt code = directory.exitCode();
      if (code.isPresent() || !alive) {
        endRemains();
        end(code.orElse(doomed ? KILLED : UNKNOWN));
      }
    } catch (IOException | RuntimeException e) {
      log.warn("the end of a process could not be looked at", e);
    }
  }

  /** What a process leaves behind ends with it, so that nothing more is written to its output. */
  private void endRemains() {
    try {
      reaper.end(seenAlive ? Family.ofProcess(directory.id(), keeper.asTrusted()) : family);
    } catch (SandboxException e) {
      log.warn("something that a process left behind: {}", e.getMessage());
    }
  }

  private void end(int code) {
    if (!ending.compareAndSet(false, true)) {
      return;
    }
    ended = true;
    input.close();
    lookout.stop();
    wakeReader();
    exit.complete(code);
  }
}
