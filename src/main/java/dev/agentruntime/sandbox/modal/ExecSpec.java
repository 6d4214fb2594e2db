package dev.agentruntime.sandbox.modal;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A process to start in a sandbox. Modal has no call to list processes, to signal one or to end one.
 *
 * @param execId chosen by the caller, a UUID; the same id sent again starts nothing again. Store it before the start
 * @param command executable and arguments, at most 64 KiB in all
 * @param environment over that of the sandbox; may hold secrets
 * @param workdir absolute; null for the sandbox's
 * @param timeout after which Modal kills it, whole seconds; null for none
 */
public record ExecSpec(String execId, List<String> command, Map<String, String> environment, String workdir, Duration timeout) {

  public ExecSpec {
    command = List.copyOf(command);
    environment = Map.copyOf(environment);
  }

  @Override
  public String toString() {
    return "ExecSpec[execId=" + execId + ", command=" + command + ", environment=" + environment.keySet() + "]";
  }
}
