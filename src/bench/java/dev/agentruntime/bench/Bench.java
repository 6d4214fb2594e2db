package dev.agentruntime.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Prints the table. Arguments are names of figures; without one, all are measured. */
public final class Bench {

  private interface Figure {
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

  private Bench() {}

  public static void main(String[] arguments) throws Exception {
    List<String> chosen = arguments.length == 0 ? List.copyOf(FIGURES.keySet()) : List.of(arguments);
    if (!FIGURES.keySet().containsAll(chosen)) {
      System.err.println("Figures are: " + String.join(" ", FIGURES.keySet()));
      System.exit(2);
    }
    Child.quiet();
    System.out.printf("Java %s, %d processors. A ratio is the median of the rounds, with the least and the most; below a fifth it is noise. "
            + "What the processes have to say is in %s.%n",
        Runtime.version(), Runtime.getRuntime().availableProcessors(), Child.LOG);
    Table table = new Table();
    for (String name : chosen) {
      FIGURES.get(name).measure(table);
    }
    table.print();
    System.exit(0);
  }
}
