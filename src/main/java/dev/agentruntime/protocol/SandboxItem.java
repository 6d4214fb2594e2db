package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * A sandbox that there is.
 *
 * @param sessionId of the session that it was made for
 * @param createdAt epoch milliseconds
 */
public record SandboxItem(String sandboxId, String sessionId, long createdAt, long ageMs, State state) {

  public enum State {
    /** Its session is starting it, or an agent in it. */
    @JsonProperty("starting") STARTING,
    @JsonProperty("ready") READY,
    @JsonProperty("unhealthy") UNHEALTHY,
    /** Its session is not in this server's memory, and owns it: another server has it, or the next one takes it up. */
    @JsonProperty("detached") DETACHED,
    /** No session owns it: it is about to be ended. */
    @JsonProperty("orphaned") ORPHANED
  }
}
