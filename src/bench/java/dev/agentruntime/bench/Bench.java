package dev.agentruntime.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Prints the table. Arguments are names of figures; without one, all are measured. */
public final class Bench {

  /** Something that is measured. One that needs the servers of the tests is among them, and found by its name. */
  interface Figure {
    void measure(Table table) throws Exception;
  }

  private static final Map<String, Figure> FIGURES = new LinkedHashMap<>();

  static {
    FIGURES.put("line", LineBench::compare);
    FIGURES.put("first", FirstDeltaBench::measure);
    FIGURES.put("latency", LatencyBench::measure);
    FIGURES.put("memory", MemoryBench::measure);
    FIGURES.put("start", StartBench::measure);
    FIGURES.put("fanout", FanoutBench::measure);
  }

  /** These are measured only when they are asked for. */
  private static final Map<String, String> WITH_SERVERS = Map.of("stores", "dev.agentruntime.bench.StoresBench",
      "modal", "dev.agentruntime.bench.ModalBench");

  private Bench() {}

  public static void main(String[] arguments) throws Exception {
    List<String> chosen = arguments.length == 0 ? List.copyOf(FIGURES.keySet()) : List.of(arguments);
    if (!chosen.stream().allMatch(name -> FIGURES.containsKey(name) || WITH_SERVERS.containsKey(name))) {
      System.err.println("Figures are: " + String.join(" ", FIGURES.keySet()) + "; and each alone, compiled with the tests: "
          + String.join(" ", WITH_SERVERS.keySet()));
      System.exit(2);
    }
    Child.quiet();
    System.out.printf("Java %s, %d processors. A ratio is the median of the rounds, with the least and the most; below a fifth it is noise. "
            + "What the processes have to say is in %s.%n",
        Runtime.version(), Runtime.getRuntime().availableProcessors(), Child.LOG);
    Table table = new Table();
    for (String name : chosen) {
      figure(name).measure(table);
    }
    table.print();
    System.exit(0);
  }

  private static Figure figure(String name) throws ReflectiveOperationException {
    if (FIGURES.containsKey(name)) {
      return FIGURES.get(name);
    }
    try {
      return (Figure) Class.forName(WITH_SERVERS.get(name)).getDeclaredConstructor().newInstance();
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException("The tests are not compiled: mvn -q test-compile exec:exec@bench -Dbench=" + name, e);
    }
  }
}
