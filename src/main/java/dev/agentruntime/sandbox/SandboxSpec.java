package dev.agentruntime.sandbox;

import java.util.List;

/**
 * @param ignoredNames names of files and folders, at any depth of the workspace, that are not listed and not watched
 * @param creationId of this attempt to make one, known before it is made: by it a sandbox is found whose making was never answered
 * @param owner epoch of the session's owner
 * @param term grows with each owner of the session: of those who reach for its sandbox, the one with the greatest has it, whatever their
 *     clocks say and however long they take
 */
public record SandboxSpec(String sessionId, List<String> ignoredNames, String creationId, String owner, long term, SandboxNeeds needs) {
  public SandboxSpec {
    ignoredNames = List.copyOf(ignoredNames);
  }

  public SandboxSpec(String sessionId, List<String> ignoredNames) {
    this(sessionId, ignoredNames, "", "", 1, SandboxNeeds.NOTHING);
  }
}
