package dev.agentruntime.bench;

import io.vertx.core.AbstractVerticle;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.ThreadingModel;
import io.vertx.core.Vertx;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * What one more session, viewer or stalled viewer costs in memory. The heaps are of fixed size and touched at the start, so that what a
 * collection leaves on the heap and what the process has outside of it can be added up.
 */
final class MemoryBench {

  static final List<String> HEAP = List.of("-Xms512m", "-Xmx512m", "-XX:+AlwaysPreTouch");
  private static final int SESSIONS = 2000;
  private static final int VIEWERS = 2000;
  private static final int WARM = 200;
  private static final int STALLED = 200;
  private static final String FLOOD = "flood 100000";

  private MemoryBench() {}

  static void measure(Table table) throws Exception {
    sessions(table);
    viewers(table);
    stalled(table);
  }

  private static void sessions(Table table) throws Exception {
    double session;
    double verticle;
    try (Service service = Service.start(HEAP, Map.of())) {
      load(service, WARM);
      long before = service.process().liveHeapBytes();
      load(service, SESSIONS);
      session = (double) (service.process().liveHeapBytes() - before) / SESSIONS;
    }
    try (Child verticles = Child.java(HEAP, MemoryBench.class, Map.of())) {
      verticles.ask("deploy " + WARM);
      long before = verticles.liveHeapBytes();
      verticles.ask("deploy " + SESSIONS);
      verticle = (double) (verticles.liveHeapBytes() - before) / SESSIONS;
    }
    table.row("heap per loaded idle session", "%.1f KB".formatted(session / 1024), "an empty verticle %.1f KB".formatted(verticle / 1024),
        "%.1f".formatted(session / verticle), Table.goal(session, 8192, "<= 8 KB"));
  }

  private static void load(Service service, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      service.get(service.createSession());
    }
  }

  private static void viewers(Table table) throws Exception {
    double runtime;
    double bare;
    try (Service service = Service.start(HEAP, Map.of()); Viewers viewers = new Viewers()) {
      String session = service.createSession();
      runtime = perViewer(service.process(), viewers, service.port(), Service.join(session));
    }
    try (Child server = Child.java(HEAP, BareServer.class, Map.of(), "plain"); Viewers viewers = new Viewers()) {
      bare = perViewer(server, viewers, Integer.parseInt(server.line()), null);
    }
    table.row("memory per idle viewer", "%.1f KB".formatted(runtime / 1024), "a bare WebSocket %.1f KB".formatted(bare / 1024),
        "%.2f".formatted(runtime / bare), Table.goal(runtime / bare, 1.3, "<= 1.3"));
  }

  private static double perViewer(Child server, Viewers viewers, int port, String first) throws Exception {
    open(viewers, port, first, WARM);
    long before = memory(server);
    open(viewers, port, first, VIEWERS);
    return (double) (memory(server) - before) / VIEWERS;
  }

  private static void open(Viewers viewers, int port, String first, int count) throws Exception {
    long before = viewers.frames();
    for (int i = 0; i < count; i++) {
      viewers.open(port, first, null);
    }
    FanoutBench.await(() -> first == null || viewers.frames() - before >= count);
  }

  /** Three floods: the growth of the third, which stalled viewers do not read, over that of the second, which nobody misses. */
  private static void stalled(Table table) throws Exception {
    try (Service service = Service.start(HEAP, Map.of()); Viewers viewers = new Viewers()) {
      String session = service.createSession();
      viewers.open(service.port(), Service.join(session), null);
      flood(service, viewers, session);
      long first = memory(service.process());
      flood(service, viewers, session);
      long second = memory(service.process());
      for (int i = 0; i < STALLED; i++) {
        viewers.openStalled(service.port(), Service.join(session));
      }
      flood(service, viewers, session);
      long third = memory(service.process());
      double each = (double) (third - second - (second - first)) / STALLED;
      table.row("memory per stalled viewer, 100000 deltas behind", "%.0f KB".formatted(each / 1024), "none", "",
          Table.goal(each, 256 * 1024, "<= 256 KB"));
    }
  }

  private static void flood(Service service, Viewers viewers, String session) throws Exception {
    service.converse(session, FLOOD);
    viewers.settle();
  }

  /** Live heap, and what is resident beside the heap, which is of one size. */
  static long memory(Child process) throws Exception {
    long live = process.liveHeapBytes();
    return live + process.residentBytes();
  }

  /** Deploys empty verticles as it is told. */
  public static void main(String[] arguments) throws Exception {
    Child.quiet();
    Vertx vertx = Vertx.vertx();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      for (int i = Integer.parseInt(line.split(" ")[1]); i > 0; i--) {
        vertx.deployVerticle(new AbstractVerticle() {}, new DeploymentOptions().setThreadingModel(ThreadingModel.VIRTUAL_THREAD)).await();
      }
      System.out.println(Child.ANSWER + "deployed");
    }
  }
}
