package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What becomes of a message that arrives while a turn runs. */
public enum WhenBusy {
  /** It waits its turn. */
  @JsonProperty("enqueue") ENQUEUE,
  /** It is refused with {@link ErrorCode#SESSION_BUSY}. */
  @JsonProperty("reject") REJECT,
  /** The running turn is interrupted, and this message runs next. */
  @JsonProperty("interrupt") INTERRUPT
}
