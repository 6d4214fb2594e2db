package dev.agentruntime.session;

import dev.agentruntime.protocol.Frame;

/** An {@link EventLog} that a test writes to, as the session would. */
public final class WritableLog {

  public final EventLog log;

  /** @param maxBytes bound of what is kept */
  public WritableLog(String sessionId, String epoch, int maxBytes) {
    this.log = new EventLog(sessionId, epoch, maxBytes);
  }

  public void append(Frame frame) {
    log.append(frame);
  }

  public void close() {
    log.close();
  }
}
