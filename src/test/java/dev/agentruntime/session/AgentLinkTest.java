package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.support.RecordedOutput;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.VertxInternal;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is read of an agent. */
class AgentLinkTest {

  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() {
    await(vertx.close());
  }

  /** A process that says one thing and ends. */
  private record Said(String output) implements SandboxProcess {

    @Override
    public String id() {
      return "said";
    }

    @Override
    public Future<Void> readStdout(long offset, Function<Buffer, Future<Void>> consumer) {
      return consumer.apply(Buffer.buffer(output));
    }

    @Override
    public void stopReading() {
      // It has said everything.
    }

    @Override
    public Future<String> stderrTail(int maxBytes) {
      return Future.succeededFuture("");
    }

    @Override
    public Future<Void> writeStdin(Buffer bytes) {
      return Future.succeededFuture();
    }

    @Override
    public Future<Void> signal(Signal signal) {
      return Future.succeededFuture();
    }

    @Override
    public Future<Integer> exit() {
      return Future.succeededFuture(0);
    }
  }

  @Test
  void aLineThatDoesNotFitIntoTheMemoryIsGivenUpAndTheNextIsRead() {
    RecordedOutput heard = new RecordedOutput();
    OutputParser parser = (line, from, to, sink) -> {
      if (to - from > 5) {
        throw new OutOfMemoryError("Java heap space");
      }
      sink.unknown(new String(line, from, to - from));
    };
    Context context = ((VertxInternal) vertx).createVirtualThreadContext();
    AgentLink link = new AgentLink(new Mailbox(context, "session"), new Said("one\nmuch more\ntwo\n"), parser, heard,
        new EventLog("session", "epoch", 1024), Future::succeededFuture, 0, 1024);
    link.follow();
    await(link.ended());
    assertThat(heard.unknown).containsExactly("one", "two");
    assertThat(heard.hopeless).containsExactly("The agent said more in one line than the server has memory for (9 bytes).");
    assertThat(link.consumed()).isEqualTo(18);
  }

  /** The numbers of the frames that readers of the session's log were woken for, one frame for each line that was read. */
  private List<Long> wakings(String output, long waiting) {
    EventLog events = new EventLog("session", "epoch", 1 << 20);
    List<Long> wakings = new CopyOnWriteArrayList<>();
    events.subscribe(() -> wakings.add(events.head()));
    OutputParser parser = (line, from, to, sink) ->
        events.append(new Frame(events.head() + 1, new SessionEvent.BlockDelta("main", "b", "x"), new byte[1]));
    Promise<Void> room = Promise.promise();
    Promise<Void> waits = Promise.promise();
    Context context = ((VertxInternal) vertx).createVirtualThreadContext();
    AgentLink link = new AgentLink(new Mailbox(context, "session"), new Said(output), parser, new RecordedOutput(), events, () -> {
      if (events.head() != waiting) {
        return Future.succeededFuture();
      }
      // Its turn comes when the session's thread has gone on to wait.
      context.runOnContext(v -> waits.complete());
      return room.future();
    }, 0, 1 << 20);
    link.follow();
    await(waits.future());
    assertThat(wakings).as("before the next line has to wait").endsWith(waiting);
    room.complete();
    await(link.ended());
    return wakings;
  }

  @Test
  void readersAreWokenAtEachLineOfALittle() {
    assertThat(wakings("1\n2\n3\n4\n5\n", 2)).containsExactly(1L, 2L, 3L, 4L, 5L);
  }

  @Test
  void readersAreWokenAtFewLinesOfMuchAndAtTheLast() {
    String line = "x".repeat(1023) + "\n";
    assertThat(wakings(line.repeat(20), 5)).containsExactly(1L, 5L, 6L, 14L, 20L);
  }
}
