package dev.agentruntime.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * CPU of the server for each frame that reached a viewer: the runtime with its demo agent, and a bare server with a prepared frame. For few
 * viewers the runtime's figure is mostly what making the frame costs (reading, parsing, folding, encoding), which the bare server does not
 * do; so that of its event loops, which do nothing but give out what is made, is shown too.
 */
final class FanoutBench {

  private static final int ROUNDS = 5;
  private static final int PACED_FRAMES = 200;
  private static final int PACE_MS = 10;
  private static final int VOID_SLICES = 20;

  /**
   * @param bareFrames of a slice of the bare servers, which take less for each
   * @param warmUps slices until the compilers are done with it, about
   */
  private record Crowd(int viewers, int frames, int bareFrames, int warmUps) {}

  private static final List<Crowd> CROWDS = List.of(
      new Crowd(1, 100_000, 500_000, 20), new Crowd(100, 20_000, 20_000, 6), new Crowd(1000, 2_000, 2_000, 6));

  private FanoutBench() {}

  static void measure(Table table) throws Exception {
    for (Crowd crowd : CROWDS) {
      try (RuntimeSource runtime = new RuntimeSource(crowd.viewers);
          Source plain = new BareSource("plain", crowd.viewers);
          Source batched = new BareSource("batched", crowd.viewers)) {
        String figure = "CPU per delivered frame, " + crowd.viewers + (crowd.viewers == 1 ? " viewer, " : " viewers, ");
        Rounds saturated = compare(runtime, plain, batched, crowd.frames, crowd.bareFrames, 0, crowd.warmUps, ROUNDS);
        double reference = saturated.cost("batched");
        double perDelta = runtime.framesPerDelta(ROUNDS);
        Rounds.Spread ratio = saturated.ratio("runtime", "batched");
        row(table, figure + "saturated", saturated, Table.goal(ratio.median(), 1.3, "<= 1.3"));
        part(table, "  the same per delta, of which %.2f made a frame".formatted(perDelta), saturated.cost("runtime") * perDelta, reference);
        part(table, "  its event loops alone, per frame", runtime.loops(ROUNDS), reference);
        row(table, figure + 1000 / PACE_MS + " deltas/s", compare(runtime, plain, batched, PACED_FRAMES, PACED_FRAMES, PACE_MS, 1, 3), "printed");
      }
    }
  }

  private static Rounds compare(Source runtime, Source plain, Source batched, int frames, int bareFrames, int everyMs, int warmUps, int rounds)
      throws Exception {
    return new Rounds()
        .add("runtime", () -> runtime.slice(frames, everyMs))
        .add("plain", () -> plain.slice(bareFrames, everyMs))
        .add("batched", () -> batched.slice(bareFrames, everyMs))
        .run(warmUps, rounds);
  }

  private static void part(Table table, String figure, double nanos, double reference) {
    table.row(figure, "%.2f us".formatted(nanos / 1e3), "batched %.2f us".formatted(reference / 1e3),
        "%.2f of batched".formatted(nanos / reference), "printed");
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
    public void close() throws IOException {
      viewers.close();
      server.close();
    }
  }

  private static final class RuntimeSource implements Source {
    private static final String EVENT_LOOPS = "vert.x-eventloo";

    /** Room for viewers that are behind for a moment, as all are when the processors are shared by server, agent and viewers. */
    private final Service service = Service.start(List.of("-Xmx512m"), Map.of("AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", "8388608"));
    private final Viewers viewers = new Viewers();
    private final int count;
    private final List<Double> loops = new ArrayList<>();
    private final String session;
    private final List<Double> perDelta = new ArrayList<>();

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
        double cost = attempt(frames, everyMs, joined);
        if (viewers.joined() == joined) {
          return cost;
        }
        viewers.settle();
      }
      throw new IllegalStateException("the viewers cannot keep up");
    }

    private double attempt(int frames, int everyMs, long joined) throws Exception {
      long cpu = service.process().cpuNanos();
      long loopCpu = service.process().cpuNanos(EVENT_LOOPS);
      long before = viewers.frames();
      long ended = viewers.turnsEnded();
      service.message(session, everyMs > 0 ? "say " + frames + " deltas every " + everyMs + " ms" : "flood " + frames);
      await(() -> viewers.turnsEnded() - ended >= count || viewers.joined() > joined);
      long delivered = viewers.frames() - before;
      perDelta.add((double) delivered / frames / count);
      loops.add((double) (service.process().cpuNanos(EVENT_LOOPS) - loopCpu) / delivered);
      return (double) (service.process().cpuNanos() - cpu) / delivered;
    }

    /** What the event loops took in the last slices, nanoseconds per frame. */
    double loops(int slices) {
      return Rounds.median(loops.subList(loops.size() - slices, loops.size()));
    }

    /** What of the deltas of the last slices arrived as frames of their own; the rest was merged for viewers that were behind. */
    double framesPerDelta(int slices) {
      return Rounds.median(perDelta.subList(perDelta.size() - slices, perDelta.size()));
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
