package dev.agentruntime.session;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Json;

/**
 * What a later runtime needs to find what this one left: kept in the session's record from before a sandbox is made until it is gone.
 *
 * @param sandboxId {@code null} while there is none, but messages wait
 * @param processId the agent's process, {@code null} until it is started
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Recovery(String sandboxId, String processId) {

  static final Recovery INTENT = new Recovery(null, null);

  ObjectNode json() {
    return Json.toTree(this);
  }

  /** @param json {@code null} if nothing was running */
  static Recovery of(ObjectNode json) {
    return json == null ? null : Json.to(json, Recovery.class);
  }
}
