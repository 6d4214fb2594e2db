package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What becomes of a message that arrives while a turn runs. */
public enum WhenBusy {
  /** It waits its turn. */
  @JsonProperty("enqueue") ENQUEUE,
  /** It is refused with {@link ErrorCode#SESSION_BUSY}. */
  @JsonProperty("reject") REJECT,
  /** The running turn is interrupted; the message runs after those that wait already, as messages run in the order accepted. */
  @JsonProperty("interrupt") INTERRUPT
}
