package dev.agentruntime.session;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.sandbox.SandboxProvider.SandboxInfo;

/**
 * What a later runtime needs to find what this one left: kept in the session's record from before a sandbox is made until it is gone.
 *
 * @param sandboxId {@code null} while there is none, but messages wait, or one is being made
 * @param processId the agent's process, which may not be started yet; {@code null} if there is none
 * @param creationId by which the sandbox is known that is being made, or was; {@code null} if there is none
 * @param term one more than that of the owner before: of two servers that reach for the sandbox, it has the one that took the session last
 * @param owner the server that looks after it; {@code null} if whoever comes first may
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Recovery(String sandboxId, String processId, String creationId, long term, Owner owner) {

  static final Recovery INTENT = new Recovery(null, null, null, 0, null);

  /**
   * @param node by which the server is known to the others on its store
   * @param aliveAt when it last said that it lives, epoch milliseconds by its own clock; it says so again each {@code syncIntervalMs}
   * @param holds whether a turn runs in a sandbox that no other server can reach, or its end is not stored yet
   */
  record Owner(String node, long aliveAt, boolean holds) {}

  Recovery of(long newTerm, Owner newOwner) {
    return new Recovery(sandboxId, processId, creationId, newTerm, newOwner);
  }

  boolean isHeldByOtherThan(String node) {
    return owner != null && owner.holds() && !owner.node().equals(node);
  }

  /** Whether this is the sandbox that is meant here. */
  boolean means(SandboxInfo sandbox) {
    return sandbox.sandboxId().equals(sandboxId) || !sandbox.creationId().isEmpty() && sandbox.creationId().equals(creationId);
  }

  ObjectNode json() {
    return Json.toTree(this);
  }

  /** @param left {@code null} if nothing was running */
  static long termAfter(Recovery left) {
    return left == null ? 1 : left.term() + 1;
  }

  /** @param json {@code null} if nothing was running */
  static Recovery of(ObjectNode json) {
    return json == null ? null : Json.to(json, Recovery.class);
  }
}
