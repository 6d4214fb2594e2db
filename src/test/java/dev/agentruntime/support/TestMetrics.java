package dev.agentruntime.support;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/** The figures of {@code /metrics} at one moment, read as the Prometheus text they are. */
public final class TestMetrics {

  private static final Duration LIMIT = Duration.ofSeconds(20);

  private final Map<String, Double> values = new TreeMap<>();

  private TestMetrics(String text) {
    for (String line : text.split("\n")) {
      int space = line.lastIndexOf(' ');
      if (!line.startsWith("#") && space > 0) {
        values.put(line.substring(0, space), Double.parseDouble(line.substring(space + 1)));
      }
    }
  }

  public static TestMetrics of(TestClient client) {
    return new TestMetrics(client.get("/metrics").text());
  }

  /** Asks until the figure is reached: what is counted once it is written may be counted just after a client has read it. */
  public static TestMetrics reaching(TestClient client, String name, double least) {
    long end = System.nanoTime() + LIMIT.toNanos();
    TestMetrics metrics = of(client);
    while (metrics.value(name) < least) {
      if (System.nanoTime() > end) {
        throw new AssertionError(name + " is " + metrics.value(name) + " and not yet " + least);
      }
      metrics = of(client);
    }
    return metrics;
  }

  /** @param name with its labels, as it stands in the text */
  public double value(String name) {
    if (!values.containsKey(name)) {
      throw new AssertionError("no figure " + name + " in " + values.keySet());
    }
    return values.get(name);
  }
}
