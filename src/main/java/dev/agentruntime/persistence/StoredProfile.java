package dev.agentruntime.persistence;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** An agent profile kept in the store. */
public record StoredProfile(String id, ObjectNode document) {}
