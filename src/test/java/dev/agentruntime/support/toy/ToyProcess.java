package dev.agentruntime.support.toy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxProcess;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * The agent. {@code say <text>} says it; {@code hang} begins to say something and goes on until it is interrupted; {@code silent} does not
 * even say that it has the message; {@code die} ends mid text; {@code ask} asks for much and goes on as {@code hang}; {@code helper} makes a
 * subagent that is still at work when the turn ends; after {@code own} it begins a turn of its own that goes on as {@code hang}, after {@code own call}
 * with a tool at work. Thread-safe.
 */
final class ToyProcess implements SandboxProcess {

  static final int DIED = 3;
  private static final int KILLED = 137;
  private static final int CHUNK_BYTES = 1 << 16;
  private static final int QUESTIONS = 1000;

  private static final class Reader {
    final Function<Buffer, Future<Void>> consumer;
    final Promise<Void> done = Promise.promise();
    int offset;
    boolean busy;

    Reader(int offset, Function<Buffer, Future<Void>> consumer) {
      this.offset = offset;
      this.consumer = consumer;
    }
  }

  private final String id;
  private final ToyWorld world;
  private final Buffer output = Buffer.buffer();
  /** Answers that it has been given and does not take. */
  private final List<Promise<Void>> untaken = new ArrayList<>();
  private final Promise<Integer> exit = Promise.promise();
  private volatile String lastMark = "";
  private Reader reader;
  private String running;
  private String model = "toy";
  private boolean own;
  private boolean deaf;

  ToyProcess(String id, ToyWorld world) {
    this.id = id;
    this.world = world;
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public Future<Void> writeStdin(Buffer bytes) {
    world.use("write");
    for (String line : bytes.toString().split("\n")) {
      if (line.contains("\"answer\"")) {
        return answered();
      }
      try {
        if (!line.isEmpty()) {
          take(Json.tree(line));
        }
      } catch (IOException e) {
        return Future.failedFuture(e);
      }
    }
    return Future.succeededFuture();
  }

  @Override
  public Future<Void> writeStdin(Buffer bytes, String mark) {
    if (world.losesMessage()) {
      return Future.future(never -> { });
    }
    lastMark = mark;
    return writeStdin(bytes);
  }

  @Override
  public Future<Boolean> mayHave(String mark) {
    return Future.succeededFuture(lastMark.equals(mark));
  }

  private synchronized Future<Void> answered() {
    if (!deaf || ended()) {
      return Future.succeededFuture();
    }
    untaken.add(Promise.promise());
    return untaken.getLast().future();
  }

  /** Ended processes take what they are given, as those do whose pipe is held open. */
  private void take(JsonNode line) {
    synchronized (this) {
      if (ended()) {
        return;
      }
      if (line.has("model")) {
        model = line.path("model").asText();
      } else if (line.has("interrupt")) {
        interrupted();
      } else {
        message(line.path("message").asText(), line.path("text").asText());
      }
    }
    pump();
  }

  private void message(String messageId, String text) {
    world.received(messageId);
    running = messageId;
    if (text.equals("silent")) {
      return;
    }
    String block = "b-" + messageId;
    say(Json.object().put("taken", messageId));
    say(Json.object().put("start", block).put("model", model));
    say(Json.object().put("delta", block).put("text", text));
    if (text.equals("die")) {
      end(DIED);
    } else if (text.equals("ask")) {
      for (int i = 0; i < QUESTIONS; i++) {
        say(Json.object().put("ask", i));
      }
    } else if (!text.equals("hang")) {
      if (text.equals("helper")) {
        say(Json.object().put("helper", messageId));
      }
      say(Json.object().put("complete", block).put("text", text).put("model", model));
      over("success");
      if (text.startsWith("own")) {
        beginOwn(messageId);
      }
      if (text.equals("own call")) {
        say(Json.object().put("call", messageId));
      }
    }
  }

  private void beginOwn(String id) {
    own = true;
    say(Json.object().put("began", true));
    say(Json.object().put("start", "own-" + id).put("model", model));
    say(Json.object().put("delta", "own-" + id).put("text", "own"));
  }

  private void interrupted() {
    if ((running != null || own) && !deaf) {
      over("interrupted");
    }
  }

  private void over(String outcome) {
    say(Json.object().put("over", running).put("outcome", outcome));
    running = null;
    own = false;
  }

  private void say(ObjectNode line) {
    output.appendBytes(Json.bytes(line)).appendByte((byte) '\n');
  }

  /** From now on it heeds no interrupt and takes no answer. */
  synchronized void deafen() {
    deaf = true;
  }

  /** How many answers it was given and did not take. */
  synchronized int untaken() {
    return untaken.size();
  }

  boolean ended() {
    return exit.future().isComplete();
  }

  void end(int code) {
    exit.tryComplete(code);
    List<Promise<Void>> left;
    synchronized (this) {
      left = List.copyOf(untaken);
    }
    left.forEach(answer -> answer.tryFail(new SandboxException(SandboxException.Kind.GONE, "the process has ended")));
    pump();
  }

  @Override
  public Future<Void> readStdout(long offset, Function<Buffer, Future<Void>> consumer) {
    Reader made = new Reader((int) offset, consumer);
    synchronized (this) {
      reader = made;
    }
    pump();
    return made.done.future();
  }

  /** Hands out what there is, and is to be called when there may be more. */
  void pump() {
    if (world.isMute()) {
      return;
    }
    Reader current;
    Buffer chunk;
    synchronized (this) {
      current = reader;
      if (current == null || current.busy) {
        return;
      }
      if (current.offset == output.length()) {
        if (ended()) {
          current.done.tryComplete();
        }
        return;
      }
      chunk = output.getBuffer(current.offset, Math.min(output.length(), current.offset + CHUNK_BYTES));
      current.offset += chunk.length();
      current.busy = true;
    }
    current.consumer.apply(chunk).onComplete(taken -> {
      synchronized (this) {
        current.busy = false;
      }
      if (taken.failed()) {
        current.done.tryFail(taken.cause());
      } else {
        pump();
      }
    });
  }

  @Override
  public synchronized void stopReading() {
    if (reader != null) {
      reader.done.tryComplete();
      reader = null;
    }
  }

  @Override
  public Future<String> stderrTail(int maxBytes) {
    return world.questionFails() ? Future.failedFuture(new SandboxException(SandboxException.Kind.FAILED, "the sandbox does not answer"))
        : Future.succeededFuture("");
  }

  @Override
  public Future<Void> signal(Signal signal) {
    if (world.signalFails()) {
      return Future.failedFuture(new SandboxException(SandboxException.Kind.FAILED, "the sandbox does not answer"));
    }
    end(KILLED);
    return Future.succeededFuture();
  }

  @Override
  public Future<Integer> exit() {
    return exit.future();
  }

  /** Its sandbox is gone. */
  void vanish() {
    List<Reader> left = new ArrayList<>();
    synchronized (this) {
      if (reader != null) {
        left.add(reader);
      }
    }
    exit.tryComplete(KILLED);
    left.forEach(gone -> gone.done.tryFail(new SandboxException(SandboxException.Kind.GONE, "the sandbox is gone")));
  }
}
