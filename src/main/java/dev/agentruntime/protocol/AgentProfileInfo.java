package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;

/** What clients see of an agent profile. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AgentProfileInfo(String id, String name, String description) {}
