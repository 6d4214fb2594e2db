package dev.agentruntime.persistence;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The facts of a session that fit into one row.
 *
 * @param type the architecture, for example {@code claude-agent-sdk}
 * @param name {@code null} if it has none
 * @param createdAt epoch milliseconds
 * @param lastActivity epoch milliseconds
 * @param sessionOptions never {@code null}
 * @param metadata the client's own, or {@code null}
 * @param recovery what the runtime needs to pick the session up after its process died (JSON of the session package's own), or {@code null}
 *     when nothing was running
 */
public record SessionRecord(String sessionId, String type, String agentProfileReference, String name, long createdAt,
                            long lastActivity, ObjectNode sessionOptions, ObjectNode metadata, ObjectNode recovery) {

  /** Whether at most the time of the last activity differs. */
  public boolean equalsButForActivity(SessionRecord other) {
    return equals(new SessionRecord(other.sessionId, other.type, other.agentProfileReference, other.name, other.createdAt, lastActivity,
        other.sessionOptions, other.metadata, other.recovery));
  }
}
