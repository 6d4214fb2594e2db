package dev.agentruntime.bench;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** CPU of the server for each frame that reached a viewer: the runtime with its demo agent, and a bare server with a prepared frame. */
final class FanoutBench {

  private static final int ROUNDS = 5;
  private static final int PACED_FRAMES = 300;
  private static final int PACE_MS = 10;

  private FanoutBench() {}

  static void measure(Table table) throws Exception {
    Map<Integer, Integer> saturated = Map.of(1, 100_000, 100, 20_000, 1000, 2_000);
    for (int viewers : List.of(1, 100, 1000)) {
      compare(table, viewers, saturated.get(viewers), 0);
      compare(table, viewers, PACED_FRAMES, PACE_MS);
    }
  }

  private static void compare(Table table, int viewers, int frames, int everyMs) throws Exception {
    try (Source runtime = new RuntimeSource(viewers);
        Source plain = new BareSource("plain", viewers);
        Source batched = new BareSource("batched", viewers)) {
      Rounds rounds = new Rounds()
          .add("runtime", () -> runtime.slice(frames, everyMs))
          .add("plain", () -> plain.slice(frames, everyMs))
          .add("batched", () -> batched.slice(frames, everyMs))
          .run(everyMs > 0 ? 1 : 3, everyMs > 0 ? 3 : ROUNDS);
      Rounds.Spread ratio = rounds.ratio("runtime", "batched");
      String figure = "CPU per delivered frame, " + viewers + (viewers == 1 ? " viewer, " : " viewers, ")
          + (everyMs > 0 ? 1000 / everyMs + " deltas/s" : "saturated, " + runtime.shape());
      table.row(figure, "%.2f us".formatted(rounds.cost("runtime") / 1e3),
          "plain %.2f us, batched %.2f us".formatted(rounds.cost("plain") / 1e3, rounds.cost("batched") / 1e3),
          ratio + " of batched", everyMs > 0 ? "printed" : Table.goal(ratio.median(), 1.3, "<= 1.3"));
    }
  }

  /** A server with its viewers. */
  private interface Source extends AutoCloseable {
    /** Has {@code frames} deltas sent. @return nanoseconds of CPU per frame that arrived */
    double slice(int frames, int everyMs) throws Exception;

    default String shape() {
      return "";
    }

    @Override
    void close() throws Exception;
  }

  private static final class BareSource implements Source {
    private final Child server;
    private final Viewers viewers = new Viewers();
    private final int count;

    BareSource(String mode, int count) throws Exception {
      this.count = count;
      server = Child.java(List.of("-Xmx512m"), BareServer.class, Map.of(), mode);
      int port = Integer.parseInt(server.line());
      for (int i = 0; i < count; i++) {
        viewers.open(port, null, null);
      }
    }

    @Override
    public double slice(int frames, int everyMs) throws Exception {
      long cpu = server.cpuNanos();
      long before = viewers.frames();
      server.say("send " + frames + " " + everyMs);
      await(() -> viewers.frames() - before >= (long) frames * count);
      return (double) (server.cpuNanos() - cpu) / frames / count;
    }

    @Override
    public void close() throws Exception {
      viewers.close();
      server.close();
    }
  }

  private static final class RuntimeSource implements Source {
    /** Room for a whole slice: a viewer that is behind is merged for, but is never given a snapshot, in which no turn ends. */
    private final Service service = Service.start(List.of("-Xmx512m"), Map.of("AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", "134217728"));
    private final Viewers viewers = new Viewers();
    private final int count;
    private final String session;
    private double perDelta;

    RuntimeSource(int count) throws Exception {
      this.count = count;
      session = service.createSession();
      service.converse(session, "say hello");
      for (int i = 0; i < count; i++) {
        viewers.open(service.port(), Service.join(session), null);
      }
      await(() -> viewers.frames() >= count);
    }

    @Override
    public double slice(int frames, int everyMs) throws Exception {
      long cpu = service.process().cpuNanos();
      long before = viewers.frames();
      long ended = viewers.turnsEnded();
      service.message(session, everyMs > 0 ? "say " + frames + " deltas every " + everyMs + " ms" : "flood " + frames);
      await(() -> viewers.turnsEnded() - ended >= count);
      long delivered = viewers.frames() - before;
      perDelta = (double) delivered / frames / count;
      return (double) (service.process().cpuNanos() - cpu) / delivered;
    }

    /** What of the deltas arrived as frames of their own; the rest was merged for viewers that were behind. */
    @Override
    public String shape() {
      return "%.2f frames per delta".formatted(perDelta);
    }

    @Override
    public void close() throws Exception {
      viewers.close();
      service.close();
    }
  }

  interface Condition {
    boolean met();
  }

  static void await(Condition condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (!condition.met()) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException("not within two minutes");
      }
      Thread.sleep(5);
    }
  }
}
