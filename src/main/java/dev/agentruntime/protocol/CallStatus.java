package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Where a tool call or a subagent's call stands. */
public enum CallStatus {
  @JsonProperty("pending") PENDING,
  @JsonProperty("running") RUNNING,
  @JsonProperty("success") SUCCESS,
  @JsonProperty("error") ERROR
}
