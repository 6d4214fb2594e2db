package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A session in a list: what is stored of it, joined with what runs.
 *
 * @param type the architecture, for example {@code claude-agent-sdk}
 * @param createdAt epoch milliseconds
 * @param lastActivity epoch milliseconds
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SessionListItem(String sessionId, String type, String agentProfileReference, String name, long createdAt,
                              long lastActivity, ObjectNode sessionOptions, ObjectNode metadata, RuntimeState runtime) {}
