package dev.agentruntime.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * CPU of the server for each frame that reached a viewer, without its JIT compilers: the runtime with its demo agent, and a bare server with
 * a prepared frame. For few viewers the runtime's figure is mostly what making the frame costs (reading, parsing, folding, encoding), which
 * the bare server does not do. So that of its event loops, which do nothing but give out what is made, is shown too; and what it would be
 * beside a bare server that had to make a frame of each line, and do no more with it.
 */
final class FanoutBench {

  private static final int ROUNDS = 5;
  private static final int PACE_MS = 10;
  private static final int VOID_SLICES = 20;
  private static final int FRAMES_OF_A_TURN = 100_000;
  private static final List<String> JVM = List.of("-Xms512m", "-Xmx512m", Child.ALL_COMPILERS);

  /**
   * @param frames of a slice of the runtime, for a single viewer as many as of its reference, so that both are warmed alike
   * @param batchedFrames of the bare server that batches, which takes less for each
   * @param plainFrames of the one that does not, which takes more
   * @param pacedFrames of any slice at a pace
   * @param warmUps slices until the code that is run for each frame is compiled
   */
  private record Crowd(int viewers, int frames, int batchedFrames, int plainFrames, int pacedFrames, int warmUps) {}

  private static final List<Crowd> CROWDS = List.of(new Crowd(1, 500_000, 500_000, 100_000, 200, 20),
      new Crowd(100, 20_000, 8_000, 2_000, 100, 10), new Crowd(1000, 2_000, 800, 200, 100, 10));

  private FanoutBench() {}

  static void measure(Table table) throws Exception {
    for (Crowd crowd : CROWDS) {
      try (RuntimeSource runtime = new RuntimeSource(crowd.viewers);
          Source plain = new BareSource("plain", crowd.viewers);
          Source batched = new BareSource("batched", crowd.viewers)) {
        String figure = "CPU per delivered frame, " + crowd.viewers + (crowd.viewers == 1 ? " viewer, " : " viewers, ");
        saturated(table, figure, crowd, runtime, plain, batched);
        Rounds paced = new Rounds()
            .add("runtime", () -> runtime.slice(crowd.pacedFrames, PACE_MS))
            .add("plain", () -> plain.slice(crowd.pacedFrames, PACE_MS))
            .add("batched", () -> batched.slice(crowd.pacedFrames, PACE_MS))
            .run(1, 3);
        row(table, figure + 1000 / PACE_MS + " deltas/s", paced, "printed");
      }
    }
  }

  private static void saturated(Table table, String figure, Crowd crowd, RuntimeSource runtime, Source plain, Source batched) throws Exception {
    try (Child lines = LineBench.start("stream")) {
      Rounds rounds = new Rounds()
          .add("runtime", () -> runtime.slice(crowd.frames, 0))
          .add("plain", () -> plain.slice(crowd.plainFrames, 0))
          .add("batched", () -> batched.slice(crowd.batchedFrames, 0))
          .add("line", () -> LineBench.slice(lines)[0])
          .run(crowd.warmUps, ROUNDS);
      double reference = rounds.cost("batched");
      Rounds.Spread ratio = rounds.ratio("runtime", "batched");
      row(table, figure + "saturated", rounds, Table.goal(ratio.median(), 1.3, "<= 1.3"));
      part(table, "  its event loops alone", runtime.median(ROUNDS, Cost::loops), "batched", reference);
      part(table, "  its compilers, which are not counted", runtime.median(ROUNDS, Cost::compilers), "batched", reference);
      double perDelta = runtime.median(ROUNDS, Cost::framesPerDelta);
      part(table, "  per delta, of which %.2f made a frame".formatted(perDelta), rounds.cost("runtime") * perDelta, "batched", reference);
      part(table, "  per delta, beside one that makes the frame, too", rounds.cost("runtime") * perDelta,
          "batched and a line to a frame", reference + rounds.cost("line") / crowd.viewers);
    }
  }

  private static void part(Table table, String figure, double nanos, String reference, double referenceNanos) {
    table.row(figure, "%.2f us".formatted(nanos / 1e3), "%s %.2f us".formatted(reference, referenceNanos / 1e3),
        "%.2f of it".formatted(nanos / referenceNanos), "printed");
  }

  private static void row(Table table, String figure, Rounds rounds, String goal) {
    table.row(figure, "%.2f us".formatted(rounds.cost("runtime") / 1e3),
        "plain %.2f us, batched %.2f us".formatted(rounds.cost("plain") / 1e3, rounds.cost("batched") / 1e3),
        rounds.ratio("runtime", "batched") + " of batched", goal);
  }

  /** A server with its viewers. */
  private interface Source extends AutoCloseable {
    /** Has {@code frames} deltas sent. @return nanoseconds of CPU per frame that arrived */
    double slice(int frames, int everyMs) throws Exception;

    @Override
    void close() throws IOException;
  }

  private static final class BareSource implements Source {
    private final Child server;
    private final Viewers viewers = new Viewers();
    private final int count;

    BareSource(String mode, int count) throws Exception {
      this.count = count;
      server = Child.java(JVM, BareServer.class, Map.of(), mode);
      int port = Integer.parseInt(server.line());
      for (int i = 0; i < count; i++) {
        viewers.open(port, null, null);
      }
    }

    @Override
    public double slice(int frames, int everyMs) throws Exception {
      long cpu = server.workNanos();
      long before = viewers.frames();
      server.say("send " + frames + " " + everyMs);
      await(() -> viewers.frames() - before >= (long) frames * count);
      return (double) (server.workNanos() - cpu) / frames / count;
    }

    @Override
    public void close() throws IOException {
      viewers.close();
      server.close();
    }
  }

  /**
   * Of one slice, in nanoseconds of CPU per frame that arrived.
   *
   * @param all but the compilers
   * @param loops of it, the event loops alone
   * @param framesPerDelta what of the deltas arrived as frames of their own; the rest was merged for viewers that were behind
   */
  private record Cost(double all, double loops, double compilers, double framesPerDelta) {}

  private static final class RuntimeSource implements Source {
    private static final String EVENT_LOOPS = "vert.x-eventloo";

    private final Service service = Service.start(JVM, Service.ROOM_FOR_A_FLOOD);
    private final Viewers viewers = new Viewers();
    private final int count;
    private final List<Cost> costs = new ArrayList<>();
    private final String session;

    RuntimeSource(int count) throws Exception {
      this.count = count;
      session = service.createSession();
      service.converse(session, "say hello");
      for (int i = 0; i < count; i++) {
        viewers.open(service.port(), Service.join(session), null);
      }
      await(() -> viewers.frames() >= count);
    }

    /** A slice in which a viewer fell out of the log, and was given a snapshot in place of frames, is void and done again. */
    @Override
    public double slice(int frames, int everyMs) throws Exception {
      for (int i = 0; i < VOID_SLICES; i++) {
        long joined = viewers.joined();
        Cost cost = attempt(frames, everyMs, joined);
        if (viewers.joined() == joined) {
          costs.add(cost);
          return cost.all;
        }
        viewers.settle();
      }
      throw new IllegalStateException("the viewers cannot keep up");
    }

    private Cost attempt(int frames, int everyMs, long joined) throws Exception {
      Child server = service.process();
      long work = server.workNanos();
      long loops = server.cpuNanos(EVENT_LOOPS);
      long compilers = server.compilerNanos();
      long before = viewers.frames();
      for (int left = frames; left > 0 && viewers.joined() == joined; left -= FRAMES_OF_A_TURN) {
        turn(Math.min(left, FRAMES_OF_A_TURN), everyMs, joined);
      }
      double delivered = viewers.frames() - before;
      return new Cost((server.workNanos() - work) / delivered, (server.cpuNanos(EVENT_LOOPS) - loops) / delivered,
          (server.compilerNanos() - compilers) / delivered, delivered / frames / count);
    }

    private void turn(int frames, int everyMs, long joined) throws Exception {
      long ended = viewers.turnsEnded();
      service.message(session, everyMs > 0 ? "say " + frames + " deltas every " + everyMs + " ms" : "flood " + frames);
      await(() -> viewers.turnsEnded() - ended >= count || viewers.joined() > joined);
    }

    /** The median of a figure in the last slices. */
    double median(int slices, ToDoubleFunction<Cost> figure) {
      return Rounds.median(costs.subList(costs.size() - slices, costs.size()).stream().map(figure::applyAsDouble).toList());
    }

    @Override
    public void close() throws IOException {
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
