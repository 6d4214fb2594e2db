package dev.agentruntime.session;

import dev.agentruntime.protocol.AgentProfileDetails;

/** @param isNew whether there was none of that id */
public record SavedProfile(AgentProfileDetails details, boolean isNew) {}
