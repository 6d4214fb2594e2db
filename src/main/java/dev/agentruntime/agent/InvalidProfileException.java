package dev.agentruntime.agent;

import dev.agentruntime.protocol.ApiException.Detail;
import java.util.List;
import java.util.stream.Collectors;

/** Everything that is wrong with one or more agent profiles, at once. The message is for the operator and holds no secret. */
public final class InvalidProfileException extends IllegalArgumentException {

  private final transient List<Detail> problems;

  /** @param problems each with its place: the file or the profile's id, and the field */
  InvalidProfileException(List<Detail> problems) {
    super(problems.stream().map(problem -> "  " + problem.path() + ": " + problem.message())
        .collect(Collectors.joining("\n", "Agent profiles cannot be used:\n", "")));
    this.problems = List.copyOf(problems);
  }

  public List<Detail> problems() {
    return problems;
  }
}
