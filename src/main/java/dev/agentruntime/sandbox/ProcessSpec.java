package dev.agentruntime.sandbox;

import java.util.List;
import java.util.Map;

/**
 * @param command executable and arguments; never a user's text
 * @param environment over what the sandbox gives; may hold secrets
 */
public record ProcessSpec(List<String> command, Map<String, String> environment) {
  public ProcessSpec {
    command = List.copyOf(command);
    environment = Map.copyOf(environment);
  }

  @Override
  public String toString() {
    return "ProcessSpec[command=" + command + ", environment=" + environment.keySet() + "]";
  }
}
