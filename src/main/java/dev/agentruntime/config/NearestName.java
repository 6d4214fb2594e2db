package dev.agentruntime.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import org.apache.commons.text.similarity.LevenshteinDistance;

/** Finds what somebody may have meant. */
final class NearestName {

  private static final LevenshteinDistance DISTANCE = LevenshteinDistance.getDefaultInstance();

  private NearestName() {}

  /** {@code "; did you mean x?"}, or empty if no name is near. */
  static String suggestion(String word, Collection<String> names) {
    if (word == null) {
      return "";
    }
    return names.stream()
        .min(Comparator.comparingInt(name -> distance(word, name)))
        .filter(name -> distance(word, name) <= Math.max(2, word.length() / 3))
        .map(name -> "; did you mean " + name + "?")
        .orElse("");
  }

  private static int distance(String word, String name) {
    return DISTANCE.apply(word.toLowerCase(Locale.ROOT), name.toLowerCase(Locale.ROOT));
  }
}
