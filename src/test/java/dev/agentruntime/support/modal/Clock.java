package dev.agentruntime.support.modal;

import java.time.Duration;

/** Time as the fake has it: the system's, and what was skipped. */
final class Clock {

  private long skippedMillis;

  synchronized long millis() {
    return System.currentTimeMillis() + skippedMillis;
  }

  synchronized void skip(Duration time) {
    skippedMillis += time.toMillis();
  }
}
