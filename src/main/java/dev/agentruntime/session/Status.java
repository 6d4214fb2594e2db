package dev.agentruntime.session;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.RuntimeState.SandboxStatus;
import dev.agentruntime.protocol.SessionEvent;
import java.time.Clock;
import java.time.Instant;
import java.util.concurrent.TimeoutException;

/** What runs for a session, told as {@code session:status} whenever it changes. Belongs to the session's own context. */
final class Status {

  private final Session session;
  private final Clock clock;
  private RuntimeState.Sandbox sandbox;
  private RuntimeState.Turn turn;
  private int queued;
  private int sandboxesMade;

  Status(Session session, Clock clock) {
    this.session = session;
    this.clock = clock;
  }

  void queued(int waiting) {
    queued = waiting;
    publish();
  }

  void turnAndQueued(RuntimeState.Turn running, int waiting) {
    turn = running;
    queued = waiting;
    publish();
  }

  void newSandbox() {
    sandboxesMade++;
  }

  /** @param message what is being done, or {@code null} */
  void sandbox(SandboxStatus status, String sandboxId, String message) {
    Long lastWell = status == SandboxStatus.READY ? Long.valueOf(clock.millis()) : sandbox == null ? null : sandbox.lastHealthCheck();
    sandbox = new RuntimeState.Sandbox(sandboxId, status, message, Math.max(0, sandboxesMade - 1), lastWell);
    publish();
  }

  /** Says something of the sandbox, if there is one that is well. @param message {@code null} for nothing */
  void note(String message) {
    if (sandbox != null && sandbox.status() == SandboxStatus.READY) {
      sandbox(SandboxStatus.READY, sandbox.sandboxId(), message);
    }
  }

  /** What took too long is what was being done. @return any other failure as it is */
  Throwable explained(Throwable failure) {
    if (!(failure instanceof TimeoutException) || sandbox == null || sandbox.statusMessage() == null) {
      return failure;
    }
    boolean isTold = sandbox.status() != SandboxStatus.STARTING;
    return new ApiException(ErrorCode.SANDBOX_FAILED,
        isTold ? sandbox.statusMessage() : "This took too long: " + sandbox.statusMessage() + ".", failure);
  }

  /** Takes up what a journal tells of a turn that runs still. */
  void restore(RuntimeState.Turn running, int waiting) {
    turn = running;
    queued = waiting;
    session.restore(new SessionEvent.StatusChanged(state()));
  }

  /** ISO 8601. */
  String now() {
    return Instant.ofEpochMilli(clock.millis()).toString();
  }

  private void publish() {
    session.apply(new SessionEvent.StatusChanged(state()));
  }

  private RuntimeState state() {
    return new RuntimeState(true, sandbox, turn, queued);
  }
}
