package dev.agentruntime.config;

import dev.agentruntime.config.InvalidSettingsException.Problem;
import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with the components of one record. */
final class Checks {

  private final List<Problem> problems = new ArrayList<>();

  Checks that(boolean good, String name, String otherwise) {
    if (!good) {
      problems.add(new Problem(name, otherwise));
    }
    return this;
  }

  Checks present(String name, Object value) {
    return that(value != null, name, "is missing");
  }

  /** Both bounds are inclusive. */
  Checks range(String name, long value, long least, long most) {
    return that(value >= least && value <= most, name, "must be from " + least + " to " + most + ", is " + value);
  }

  Checks oneOf(String name, String value, List<String> words) {
    return that(value != null && words.contains(value), name,
        "must be " + String.join(" or ", words) + ", is \"" + value + "\"" + NearestName.suggestion(value, words));
  }

  /** @throws InvalidSettingsException with everything that was found */
  void done() {
    if (!problems.isEmpty()) {
      throw new InvalidSettingsException(problems);
    }
  }
}
