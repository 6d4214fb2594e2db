package dev.agentruntime.sandbox;

import java.util.List;

/**
 * @param ignoredNames names of files and folders, at any depth of the workspace, that are not listed and not watched
 */
public record SandboxSpec(String sessionId, List<String> ignoredNames) {
  public SandboxSpec {
    ignoredNames = List.copyOf(ignoredNames);
  }
}
