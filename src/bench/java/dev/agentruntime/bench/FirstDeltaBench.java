package dev.agentruntime.bench;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;

/** From a message to its first delta, through the service and over plain pipes. Wall time: it is waiting that counts here. */
final class FirstDeltaBench {

  private static final String MESSAGE = "clock 1 delta";
  private static final int BLOCKS = 10;
  private static final int WARM_UPS = 3;
  private static final int MESSAGES = 40;

  private FirstDeltaBench() {}

  private interface Agent {
    /** @return milliseconds from the message to its first delta; the turn has ended then */
    double ask() throws Exception;
  }

  static void measure(Table table) throws Exception {
    List<Double> service = new ArrayList<>();
    List<Double> pipe = new ArrayList<>();
    try (OverService overService = new OverService(); OverPipe overPipe = new OverPipe()) {
      for (int block = -WARM_UPS; block < BLOCKS; block++) {
        for (int i = 0; i < MESSAGES; i++) {
          double throughService = overService.ask();
          double throughPipe = overPipe.ask();
          if (block >= 0) {
            service.add(throughService);
            pipe.add(throughPipe);
          }
        }
      }
    }
    double p50 = Rounds.quantile(service, 0.5) - Rounds.quantile(pipe, 0.5);
    double p99 = Rounds.quantile(service, 0.99) - Rounds.quantile(pipe, 0.99);
    table.row("message to first delta, warm session, p50", "%.1f ms".formatted(Rounds.quantile(service, 0.5)),
        "the agent alone %.1f ms".formatted(Rounds.quantile(pipe, 0.5)), "+%.1f ms".formatted(p50), Table.goal(p50, 7, "<= +7 ms"));
    table.row("message to first delta, warm session, p99", "%.1f ms".formatted(Rounds.quantile(service, 0.99)),
        "the agent alone %.1f ms".formatted(Rounds.quantile(pipe, 0.99)), "+%.1f ms".formatted(p99), Table.goal(p99, 20, "<= +20 ms"));
  }

  /** Waits for the delta and then for the turn's end. */
  private static double await(SynchronousQueue<Long> deltas, SynchronousQueue<Long> ends, long from) throws InterruptedException {
    Long delta = deltas.poll(30, TimeUnit.SECONDS);
    if (delta == null || ends.poll(30, TimeUnit.SECONDS) == null) {
      throw new IllegalStateException("no answer within 30 s");
    }
    return (delta - from) / 1e6;
  }

  private static void put(SynchronousQueue<Long> queue) {
    try {
      queue.put(System.nanoTime());
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static final class OverService implements Agent, AutoCloseable {
    private final SynchronousQueue<Long> deltas = new SynchronousQueue<>();
    private final SynchronousQueue<Long> ends = new SynchronousQueue<>();
    private final Service service = Service.start(List.of("-Xmx512m"), Map.of());
    private final Viewers viewers = new Viewers();
    private final String session = service.createSession();
    private final SocketChannel socket;
    private volatile boolean listening;

    OverService() throws Exception {
      service.converse(session, MESSAGE);
      socket = viewers.open(service.port(), Service.join(session), this::frame);
      FanoutBench.await(() -> viewers.frames() > 0);
      listening = true;
    }

    private void frame(byte[] json) {
      String text = new String(json, 0, Math.min(48, json.length), StandardCharsets.UTF_8);
      if (listening && text.startsWith("{\"event\":\"session:block:delta\"")) {
        put(deltas);
      } else if (listening && text.startsWith("{\"event\":\"session:turn:completed\"")) {
        put(ends);
      }
    }

    @Override
    public double ask() throws Exception {
      String message = new JsonObject().put("type", "session:message").put("sessionId", session).put("content", MESSAGE).encode();
      long from = System.nanoTime();
      Viewers.send(socket, message);
      return await(deltas, ends, from);
    }

    @Override
    public void close() throws IOException {
      viewers.close();
      service.close();
    }
  }

  private static final class OverPipe implements Agent, AutoCloseable {
    private final SynchronousQueue<Long> deltas = new SynchronousQueue<>();
    private final SynchronousQueue<Long> ends = new SynchronousQueue<>();
    private final PipedAgent agent = new PipedAgent(this::line);

    OverPipe() throws Exception {}

    private void line(String line) {
      if (PipedAgent.delta(line) != null) {
        put(deltas);
      } else if (PipedAgent.endsTurn(line)) {
        put(ends);
      }
    }

    @Override
    public double ask() throws Exception {
      long from = System.nanoTime();
      agent.say(MESSAGE);
      return await(deltas, ends, from);
    }

    @Override
    public void close() throws IOException {
      agent.close();
    }
  }
}
