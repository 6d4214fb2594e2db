package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Where a subagent stands. */
public enum SubagentStatus {
  @JsonProperty("running") RUNNING,
  @JsonProperty("completed") COMPLETED,
  @JsonProperty("failed") FAILED
}
