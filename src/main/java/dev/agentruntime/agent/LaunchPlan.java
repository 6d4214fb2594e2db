package dev.agentruntime.agent;

import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import java.time.Duration;
import java.util.List;

/**
 * How to start an agent in a sandbox: write the files, run the steps in order, start the process.
 *
 * @param files the agent's own configuration; never the workspace's stored files
 */
public record LaunchPlan(List<FileContent> files, List<SetupStep> setup, ProcessSpec process) {
  public LaunchPlan {
    files = List.copyOf(files);
    setup = List.copyOf(setup);
  }

  /**
   * A command that has to succeed before the agent starts.
   *
   * @param description for users, for example {@code Installing 3 npm packages}
   */
  public record SetupStep(String description, ProcessSpec command, Duration timeout) {}
}
