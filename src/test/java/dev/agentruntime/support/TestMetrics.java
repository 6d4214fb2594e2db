package dev.agentruntime.support;

import java.util.Map;
import java.util.TreeMap;

/** The figures of {@code /metrics} at one moment, read as the Prometheus text they are. */
public final class TestMetrics {

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

  /** @param name with its labels, as it stands in the text */
  public double value(String name) {
    if (!values.containsKey(name)) {
      throw new AssertionError("no figure " + name + " in " + values.keySet());
    }
    return values.get(name);
  }
}
