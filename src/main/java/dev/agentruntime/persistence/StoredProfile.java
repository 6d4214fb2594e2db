package dev.agentruntime.persistence;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * An agent profile kept in the store. The store does not look into the document; who saves it has seen that it is valid.
 *
 * @param version made anew by whoever saves, so that no two saves have the same; says nothing of their order
 * @param document JSON of the agent package's own
 */
public record StoredProfile(String id, String version, ObjectNode document) {}
