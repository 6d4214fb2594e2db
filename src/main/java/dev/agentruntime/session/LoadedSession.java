package dev.agentruntime.session;

import dev.agentruntime.protocol.SessionSnapshot;
import io.vertx.core.Future;

/** A session in memory, for an application that embeds the runtime. */
public final class LoadedSession {

  private final String id;
  private final SessionManager manager;

  LoadedSession(String id, SessionManager manager) {
    this.id = id;
    this.manager = manager;
  }

  public String id() {
    return id;
  }

  /** The whole session at one sequence number. */
  public Future<SessionSnapshot> getState() {
    return manager.state(id);
  }
}
