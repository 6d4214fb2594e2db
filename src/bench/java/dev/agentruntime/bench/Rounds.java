package dev.agentruntime.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Costs of several variants, measured in slices that take turns, so that a busy machine is busy for all of them. */
final class Rounds {

  /** One variant. */
  interface Slice {
    /** Does one slice of work. @return its cost per unit */
    double run() throws Exception;
  }

  private final Map<String, Slice> variants = new LinkedHashMap<>();
  private final Map<String, List<Double>> costs = new LinkedHashMap<>();

  Rounds add(String name, Slice slice) {
    variants.put(name, slice);
    costs.put(name, new ArrayList<>());
    return this;
  }

  /** Runs every variant {@code warmUps} times uncounted, then {@code rounds} times; every other round in the other order. */
  Rounds run(int warmUps, int rounds) throws Exception {
    List<String> order = new ArrayList<>(variants.keySet());
    for (int round = -warmUps; round < rounds; round++) {
      for (String name : (round & 1) == 0 ? order : order.reversed()) {
        double cost = variants.get(name).run();
        if (round >= 0) {
          costs.get(name).add(cost);
        }
      }
    }
    return this;
  }

  /** The median cost of a variant. */
  double cost(String name) {
    return median(costs.get(name));
  }

  /** The ratios of two variants, one for each round. */
  Spread ratio(String variant, String reference) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < costs.get(variant).size(); i++) {
      ratios.add(costs.get(variant).get(i) / costs.get(reference).get(i));
    }
    return new Spread(ratios);
  }

  static double median(List<Double> values) {
    return quantile(values, 0.5);
  }

  static double quantile(List<Double> values, double q) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted.length == 0 ? Double.NaN : sorted[(int) Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  }

  /** One ratio per round. */
  record Spread(List<Double> values) {

    double median() {
      return Rounds.median(values);
    }

    double least() {
      return quantile(values, 0);
    }

    double most() {
      return quantile(values, 1);
    }

    @Override
    public String toString() {
      return "%.2f (%.2f-%.2f)".formatted(median(), least(), most());
    }
  }
}
