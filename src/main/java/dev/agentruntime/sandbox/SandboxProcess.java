package dev.agentruntime.sandbox;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.function.Function;

/** A process in a sandbox, whose output is kept in a file there. Threading as {@link SandboxProvider}. */
public interface SandboxProcess {

  /** Under which {@link Sandbox#attach} finds it. Unique within the sandbox. */
  String id();

  /**
   * Follows standard output from a byte on, as it is written. Chunks of up to 256 KiB come one at a time: the next is read when the future
   * that {@code consumer} gave for the last is done, and may be in the same memory. At most one reader at a time.
   *
   * @param offset bytes from the start of the output
   * @param consumer called on any thread; must not block; a failed future ends the reading and fails the result
   * @return succeeds when the process has ended and all its output was consumed, or reading was {@linkplain #stopReading stopped}
   */
  Future<Void> readStdout(long offset, Function<Buffer, Future<Void>> consumer);

  /** No chunk is handed out any more from now on. The process is left alone. */
  void stopReading();

  /** The last bytes of standard error, for messages. */
  Future<String> stderrTail(int maxBytes);

  /** Writes whole lines, in the order of the calls. Succeeds when the process' pipe has taken them. */
  Future<Void> writeStdin(Buffer bytes);

  /** As {@link #writeStdin(Buffer)}. @param mark by which {@link #mayHave} knows these lines from those before */
  default Future<Void> writeStdin(Buffer bytes, String mark) {
    return writeStdin(bytes);
  }

  /**
   * Whether the lines that were {@linkplain #writeStdin(Buffer, String) written last} with a mark have this one. {@code false} is certain: no
   * server has written lines of that mark, or will do so but who asks; {@code true} may mean that it is not known.
   */
  default Future<Boolean> mayHave(String mark) {
    return Future.succeededFuture(true);
  }

  /** Signals the process and everything it started. Succeeds also if it has ended. */
  Future<Void> signal(Signal signal);

  /** Succeeds with the exit code when the process has ended; 128 + n after signal n; -1 if it is not known. */
  Future<Integer> exit();

  enum Signal { INT, TERM, KILL }
}
