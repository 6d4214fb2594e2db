package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How a turn ended. */
public enum TurnOutcome {
  @JsonProperty("success") SUCCESS,
  @JsonProperty("error") ERROR,
  @JsonProperty("interrupted") INTERRUPTED
}
