package dev.agentruntime.session;

import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.protocol.EightBytes;
import dev.agentruntime.sandbox.SandboxProcess;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running process of an agent: its output, cut into lines and understood on the session's context; its input. Knows up to which byte
 * the output is understood, where a later runtime goes on.
 */
final class AgentLink {

  private static final Logger log = LoggerFactory.getLogger(AgentLink.class);
  private static final byte[] NOTHING = new byte[0];
  private static final int STDERR_TAIL_BYTES = 2_000;
  /** Some fifty pieces of text: what is read at once when the agent says more than anybody reads. */
  private static final int MUCH_BYTES = 16 * 1024;

  private final Mailbox mailbox;
  private final SandboxProcess process;
  private final OutputParser parser;
  private final OutputParser.Sink sink;
  private final EventLog events;
  private final Supplier<Future<Void>> settled;
  private final int maxLineBytes;
  private final Promise<Void> ended = Promise.promise();
  private byte[] rest = NOTHING;
  private int restLength;
  /** The line that comes, if it is too long, else {@code null}. */
  private LongLine longLine;
  private long consumed;
  /** Done when the last chunk that was read is understood. */
  private Future<Void> understood = Future.succeededFuture();
  private boolean detached;

  /**
   * @param events what the lines become, in the end
   * @param settled what to wait for before the next line is understood
   * @param offset where the output is read from, bytes; the start of a line
   */
  AgentLink(Mailbox mailbox, SandboxProcess process, OutputParser parser, OutputParser.Sink sink, EventLog events,
            Supplier<Future<Void>> settled, long offset, int maxLineBytes) {
    this.mailbox = mailbox;
    this.process = process;
    this.parser = parser;
    this.sink = sink;
    this.events = events;
    this.settled = settled;
    this.consumed = offset;
    this.maxLineBytes = maxLineBytes;
  }

  String processId() {
    return process.id();
  }

  /** Bytes of output that are understood: the end of the last whole line. */
  long consumed() {
    return consumed;
  }

  /** Starts reading. */
  void follow() {
    process.readStdout(consumed, this::onChunk)
        .onComplete(read -> mailbox.run(() -> {
          if (read.failed()) {
            log.warn("reading the agent's output failed", read.cause());
          }
          understood.onComplete(last -> {
            if (!detached) {
              ended.tryComplete();
            }
          });
        }));
  }

  /** Done, on the session's context, when the process has ended and all it said was understood. */
  Future<Void> ended() {
    return ended.future();
  }

  /** How the process ended, a sentence for users; the log has more. */
  Future<String> howItEnded() {
    return process.exit().timeout(1, TimeUnit.SECONDS).otherwise(-1)
        .compose(code -> process.stderrTail(STDERR_TAIL_BYTES).otherwise("").map(stderr -> {
          log.warn("the agent ended during a turn with exit code {}: {}", code, stderr);
          return "The agent ended before its turn did" + (code < 0 ? "." : " (exit code " + code + ").");
        }));
  }

  /** Done when the sandbox answers, which has then handed out what the agent said before. */
  Future<Void> answers() {
    return process.stderrTail(1).mapEmpty();
  }

  Future<Void> write(Buffer lines) {
    return process.writeStdin(lines);
  }

  /** @param mark by which {@link #mayHave} knows it */
  Future<Void> write(Buffer lines, String mark) {
    return process.writeStdin(lines, mark);
  }

  /** Whether the agent may have been given what was written with this mark, if anything with a mark was written after it. */
  Future<Boolean> mayHave(String mark) {
    return process.mayHave(mark);
  }

  Future<Void> kill() {
    return process.signal(SandboxProcess.Signal.KILL);
  }

  /** Lets go of the process and leaves it alone: that nothing is read any more does not mean that it has ended. */
  void detach() {
    detached = true;
    process.stopReading();
  }

  private Future<Void> onChunk(Buffer chunk) {
    Promise<Void> done = Promise.promise();
    mailbox.run(() -> {
      understood = done.future();
      try {
        lines(((BufferInternal) chunk).getByteBuf(), chunk.length() >= MUCH_BYTES);
        done.complete();
      } catch (Exception | OutOfMemoryError e) {
        done.fail(e);
      } finally {
        events.release();
      }
    });
    return done.future();
  }

  private void lines(ByteBuf chunk, boolean much) {
    if (much) {
      events.gather();
    }
    byte[] bytes = chunk.hasArray() ? chunk.array() : ByteBufUtil.getBytes(chunk);
    int from = chunk.hasArray() ? chunk.arrayOffset() + chunk.readerIndex() : 0;
    int to = from + chunk.readableBytes();
    for (int end = lineEnd(bytes, from, to); end < to && !detached; end = lineEnd(bytes, from, to)) {
      line(bytes, from, end);
      from = end + 1;
      Future<Void> between = settled.get();
      if (!between.isComplete()) {
        events.release();
        Future.await(between);
        if (much) {
          events.gather();
        }
      }
    }
    keep(bytes, from, to);
  }

  private void line(byte[] bytes, int from, int end) {
    if (longLine == null && restLength == 0 && end - from <= maxLineBytes) {
      understand(bytes, from, end);
      consumed += end - from + 1;
      return;
    }
    keep(bytes, from, end);
    LongLine cut = longLine;
    byte[] line = rest;
    int length = restLength;
    longLine = null;
    rest = NOTHING;
    restLength = 0;
    if (cut != null) {
      understand(cut);
      consumed += cut.length() + 1;
    } else {
      understand(line, 0, length);
      consumed += length + 1;
    }
  }

  /** @return {@code to} if no line ends before it */
  private static int lineEnd(byte[] bytes, int from, int to) {
    int at = from;
    for (; at + Long.BYTES <= to; at += Long.BYTES) {
      long ends = EightBytes.equal(EightBytes.at(bytes, at), '\n');
      if (ends != 0) {
        return at + EightBytes.first(ends);
      }
    }
    while (at < to && bytes[at] != '\n') {
      at++;
    }
    return at;
  }

  private void understand(LongLine line) {
    byte[] shortened = line.shortened();
    if (!line.isTooLong()) {
      log.warn("a line of {} bytes of the agent is longer than one may be, and is cut to {}", line.length(), shortened.length);
      understand(shortened, 0, shortened.length);
      return;
    }
    log.error("a line of {} bytes of the agent is longer than one may be, and is passed over", line.length());
    if (shortened[0] == '{') {
      // The turn's end may have been in it.
      sink.hopeless("The agent wrote a line that is longer than the limit (" + line.length() + " bytes; the setting limits.agentLineBytes).");
    }
  }

  private void understand(byte[] line, int from, int to) {
    int end = to > from && line[to - 1] == '\r' ? to - 1 : to;
    if (end == from) {
      return;
    }
    try {
      parser.line(line, from, end, sink);
    } catch (Exception e) {
      log.error("a line of the agent could not be understood", e);
    } catch (OutOfMemoryError e) {
      log.error("a line of {} bytes of the agent is more than there is memory for", to - from, e);
      sink.hopeless("The agent said more in one line than the server has memory for (" + (to - from) + " bytes).");
    }
  }

  private void keep(byte[] chunk, int from, int to) {
    int more = to - from;
    if (longLine == null && restLength + more > maxLineBytes) {
      longLine = new LongLine(maxLineBytes);
      longLine.add(rest, 0, restLength);
      rest = NOTHING;
      restLength = 0;
    }
    if (longLine != null) {
      longLine.add(chunk, from, to);
      return;
    }
    if (rest.length - restLength < more) {
      rest = Arrays.copyOf(rest, Math.max(restLength + more, rest.length * 2));
    }
    System.arraycopy(chunk, from, rest, restLength, more);
    restLength += more;
  }
}
