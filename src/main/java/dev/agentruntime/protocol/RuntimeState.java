package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What runs for a session just now: {@code runtime} of the contract. {@code sandbox} and {@code turn} are written as null when there is none.
 *
 * @param queued messages accepted whose turn has not started
 */
public record RuntimeState(boolean isLoaded, Sandbox sandbox, Turn turn, int queued) {

  public static final RuntimeState UNLOADED = new RuntimeState(false, null, null, 0);

  /** Whether a turn runs or a message waits for one. */
  public boolean works() {
    return turn != null || queued > 0;
  }

  public enum SandboxStatus {
    @JsonProperty("starting") STARTING,
    @JsonProperty("ready") READY,
    @JsonProperty("unhealthy") UNHEALTHY,
    @JsonProperty("terminated") TERMINATED
  }

  /**
   * @param sandboxId {@code null} until the sandbox exists
   * @param statusMessage what is being done, in words, or {@code null}
   * @param restartCount sandboxes made for this session since it was loaded, less one
   * @param lastHealthCheck epoch milliseconds when the sandbox was last known to be well, or {@code null}; always written
   */
  public record Sandbox(@JsonInclude(JsonInclude.Include.NON_NULL) String sandboxId, SandboxStatus status,
                        @JsonInclude(JsonInclude.Include.NON_NULL) String statusMessage, int restartCount, Long lastHealthCheck) {}

  /** @param startedAt epoch milliseconds */
  public record Turn(String turnId, String messageId, long startedAt) {}
}
