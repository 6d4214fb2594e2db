package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Json;
import io.vertx.core.buffer.Buffer;
import java.util.UUID;

/** Lines that order the CLI itself about: {@code SDKControlRequest} of the npm package {@code @anthropic-ai/claude-agent-sdk}. */
final class ClaudeControl {

  /** How the ids of interrupts begin. */
  static final String INTERRUPT = "interrupt-";

  private ClaudeControl() {}

  /** Stops the turn and forgets what is queued behind it. */
  static Buffer interrupt() {
    return request(INTERRUPT, Json.object().put("subtype", "interrupt").put("cancel_queued", true));
  }

  static Buffer stopTask(String taskId) {
    return request("stop-", Json.object().put("subtype", "stop_task").put("task_id", taskId));
  }

  /** @param model {@code null} for the CLI's own */
  static Buffer setModel(String model) {
    return request("model-", Json.object().put("subtype", "set_model").put("model", model));
  }

  static Buffer setPermissionMode(String mode) {
    return request("mode-", Json.object().put("subtype", "set_permission_mode").put("mode", mode));
  }

  static Buffer setEffort(String level) {
    ObjectNode request = Json.object().put("subtype", "apply_flag_settings");
    request.putObject("settings").put("effortLevel", level);
    return request("effort-", request);
  }

  /** @param tokens a number, or JSON null for the CLI's own */
  static Buffer setMaxThinkingTokens(JsonNode tokens) {
    ObjectNode request = Json.object().put("subtype", "set_max_thinking_tokens");
    request.set("max_thinking_tokens", tokens);
    return request("thinking-", request);
  }

  private static Buffer request(String prefix, ObjectNode request) {
    ObjectNode line = Json.object().put("type", "control_request").put("request_id", prefix + UUID.randomUUID());
    line.set("request", request);
    return ClaudeOutputParser.line(line);
  }
}
