package dev.agentruntime.sandbox;

import io.vertx.core.Future;
import java.util.List;
import java.util.function.Consumer;

/**
 * Makes sandboxes, finds those that are still there, and ends them. Threading: called from any thread, never blocks; futures may complete
 * on any thread. Failures are {@link SandboxException}s.
 */
public interface SandboxProvider {

  /** {@code local}, {@code modal}, … */
  String name();

  Future<Void> start();

  /** Whether its sandboxes have what {@link SandboxSpec#needs} lists; without, an agent brings and installs it itself. */
  default boolean equips() {
    return false;
  }

  /** Whether another server with the same settings can {@link #attach} to its sandboxes. */
  default boolean shared() {
    return false;
  }

  /**
   * Makes a sandbox. A failure leaves nothing behind, or something that {@link #list} tells of.
   *
   * @param progress told what is being done, in words for users; called on any thread
   */
  Future<Sandbox> create(SandboxSpec spec, Consumer<String> progress);

  /**
   * Takes hold of a sandbox that an earlier owner of its session made. Fails with {@link SandboxException.Kind#GONE} if it has ended, or
   * somebody has it whose term is greater.
   *
   * @param term as {@link SandboxSpec#term}
   */
  Future<Sandbox> attach(String sandboxId, long term);

  /** Every sandbox of this runtime that has not ended. */
  Future<List<SandboxInfo>> list();

  /** Ends a sandbox and all that runs and lies in it. Succeeds also if it is gone already. */
  Future<Void> terminate(String sandboxId);

  /** Releases the provider's own resources. Leaves the sandboxes as they are. */
  Future<Void> close();

  /**
   * @param createdAt epoch milliseconds
   * @param creationId of the {@link SandboxSpec} that it was made with; empty if that had none
   */
  record SandboxInfo(String sandboxId, String sessionId, long createdAt, String creationId) {}
}
