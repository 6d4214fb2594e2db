package dev.agentruntime.bench;

import java.util.ArrayList;
import java.util.List;

/** Rows of figures, printed as they come and once more at the end. */
final class Table {

  private static final String FORMAT = "%-58s %-22s %-34s %-20s %s%n";

  private final List<Object[]> rows = new ArrayList<>();

  Table() {
    row("figure", "measured", "reference", "ratio (spread)", "goal");
  }

  void row(String figure, String measured, String reference, String ratio, String goal) {
    rows.add(new Object[] {figure, measured, reference, ratio, goal});
    System.out.printf(FORMAT, rows.getLast());
  }

  /** A ratio beside the most that it should be. */
  static String goal(double reached, double most, String words) {
    return words + (reached <= most ? ": reached" : ": NOT reached");
  }

  void print() {
    System.out.println();
    rows.forEach(row -> System.out.printf(FORMAT, row));
  }
}
