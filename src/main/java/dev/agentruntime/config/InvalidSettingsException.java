package dev.agentruntime.config;

import java.util.List;
import java.util.stream.Collectors;

/** Everything that is wrong with the settings, at once. The message is for the operator and holds no secret. */
public final class InvalidSettingsException extends IllegalArgumentException {

  private final transient List<Problem> problems;

  public InvalidSettingsException(List<Problem> problems) {
    super(problems.stream().map(problem -> "  " + problem.place() + ": " + problem.message())
        .collect(Collectors.joining("\n", "The settings cannot be used:\n", "")));
    this.problems = List.copyOf(problems);
  }

  public List<Problem> problems() {
    return problems;
  }

  /** @param place the file and key, or the variable, where the mistake was made */
  public record Problem(String place, String message) {}
}
