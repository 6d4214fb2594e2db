package dev.agentruntime.protocol;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * The body of {@code POST /sessions/create}.
 *
 * @param agentProfileRef id of a profile
 * @param architecture {@code null} takes the profile's own
 * @param defaultWorkspaceFiles put into the workspace beside, and over, the profile's; {@code null} for none
 */
public record CreateSession(String agentProfileRef, String architecture, ObjectNode sessionOptions,
                            List<InitialFile> defaultWorkspaceFiles, String name, ObjectNode metadata) {

  /**
   * A file that a new workspace starts with.
   *
   * @param encoding of {@code content}; {@code null} means UTF-8
   */
  public record InitialFile(String path, String content, WorkspaceFile.Encoding encoding) {}

  /** The answer. @param createdAt epoch milliseconds */
  public record Created(String sessionId, RuntimeState runtime, long createdAt, ObjectNode sessionOptions) {}
}
