package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Block.SystemNote;
import dev.agentruntime.protocol.Json;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** What the CLI remarks about itself, as {@code system} blocks for people to read. */
final class ClaudeNotes {

  /** Remarks of these subtypes are for programs only. */
  private static final Set<String> SILENT = Set.of("init", "thinking_tokens", "session_state_changed", "hook_started", "hook_progress",
      "commands_changed", "files_persisted", "notification", "elicitation_complete", "memory_recall", "plugin_install",
      "task_progress", "post_turn_summary", "worker_shutting_down", "mirror_error", "control_request_progress");

  private static final Pattern WORD = Pattern.compile("[a-z0-9_]+");

  private ClaudeNotes() {}

  static boolean isSilent(String subtype) {
    return SILENT.contains(subtype);
  }

  /** @return {@code null} if the line is none for people */
  static Block note(JsonNode line, String timestamp) {
    if (!line.path("uuid").isTextual()) {
      return null;
    }
    return switch (line.path("subtype").asText()) {
      case "api_retry" -> retry(line, timestamp);
      case "status" -> status(line, timestamp);
      case "compact_boundary" -> compacted(line, line.path("compact_metadata"), timestamp);
      case "hook_response" -> hook(line, timestamp);
      case "informational" -> line.path("level").asText().equals("info") ? null
          : of(line, SystemNote.SUBTYPE_STATUS, line.path("content").asText(), null, timestamp);
      case "local_command_output" -> of(line, SystemNote.SUBTYPE_STATUS, line.path("content").asText(), null, timestamp);
      case "permission_denied" -> of(line, SystemNote.SUBTYPE_STATUS,
          "The call of " + line.path("tool_name").asText("a tool") + " was not allowed.", null, timestamp);
      case "model_refusal_fallback" -> of(line, SystemNote.SUBTYPE_STATUS, line.path("content").asText(),
          refusal(line).put("fallbackModel", line.path("fallback_model").asText()), timestamp);
      // Mostly without a text of its own: the error that follows says it.
      case "model_refusal_no_fallback" -> line.path("content").asText().isBlank() ? null
          : of(line, SystemNote.SUBTYPE_ERROR, line.path("content").asText(), refusal(line), timestamp);
      case "session_writes_lost" -> of(line, SystemNote.SUBTYPE_ERROR,
          "The agent could not save its conversation: no space left.", null, timestamp);
      default -> null;
    };
  }

  /**
   * The mark that a conversation was compacted; older blocks stay.
   *
   * @param metadata {@code compact_metadata} live, {@code compactMetadata} saved, which spells its fields in the other way
   */
  static Block compacted(JsonNode line, JsonNode metadata, String timestamp) {
    ObjectNode facts = Json.object();
    facts.put("trigger", metadata.path("trigger").asText());
    copyNumber(facts, "preTokens", metadata, "pre_tokens");
    copyNumber(facts, "postTokens", metadata, "post_tokens");
    return of(line, SystemNote.SUBTYPE_STATUS, "The conversation was compacted.", facts, timestamp);
  }

  static Block authStatus(JsonNode line, String timestamp) {
    String error = line.path("error").asText();
    return of(line, SystemNote.SUBTYPE_AUTH_STATUS, error.isEmpty() ? "The agent is signing in." : error, null, timestamp);
  }

  /** Whether a request failed in a way that no further attempt mends. */
  static boolean isHopeless(JsonNode retry) {
    int status = retry.path("error_status").asInt();
    return status == 401 || status == 403;
  }

  private static Block retry(JsonNode line, String timestamp) {
    JsonNode status = line.path("error_status");
    String error = line.path("error").asText("unknown").replace('_', ' ');
    String what = status.isNumber() ? "The model's API answered " + status.asInt() + " (" + error + ")"
        : "The connection to the model's API failed";
    String message = String.format(Locale.ROOT, "%s; attempt %d of %d follows in %.1f s.", what, line.path("attempt").asInt() + 1,
        line.path("max_retries").asInt() + 1, line.path("retry_delay_ms").asDouble() / 1000);
    ObjectNode facts = Json.object();
    facts.put("attempt", line.path("attempt").asInt());
    facts.put("maxRetries", line.path("max_retries").asInt());
    facts.put("retryDelayMs", line.path("retry_delay_ms").asLong());
    if (status.isNumber()) {
      facts.put("status", status.asInt());
    }
    facts.put("error", line.path("error").asText());
    return of(line, SystemNote.SUBTYPE_STATUS, message, facts, timestamp);
  }

  private static Block status(JsonNode line, String timestamp) {
    if (line.path("status").asText().equals("compacting")) {
      return of(line, SystemNote.SUBTYPE_STATUS, "Compacting the conversation.", null, timestamp);
    }
    if (line.path("compact_result").asText().equals("failed")) {
      return of(line, SystemNote.SUBTYPE_ERROR, "The conversation could not be compacted" + because(line.path("compact_error").asText()), null,
          timestamp);
    }
    return null;
  }

  /** @param why a sentence, a word for programs, or nothing */
  private static String because(String why) {
    return why.isEmpty() ? "." : WORD.matcher(why).matches() ? " (" + why.replace('_', ' ') + ")." : ": " + why;
  }

  private static Block hook(JsonNode line, String timestamp) {
    String output = line.path("output").asText();
    boolean well = line.path("outcome").asText("success").equals("success");
    if (output.isBlank() && well) {
      return null;
    }
    ObjectNode facts = Json.object();
    facts.put("hookName", line.path("hook_name").asText());
    facts.put("hookEvent", line.path("hook_event").asText());
    facts.put("outcome", line.path("outcome").asText());
    if (line.path("exit_code").isNumber()) {
      facts.put("exitCode", line.path("exit_code").asInt());
    }
    String message = output.isBlank() ? "The hook " + line.path("hook_name").asText() + " failed." : output;
    return of(line, SystemNote.SUBTYPE_HOOK_RESPONSE, message, facts, timestamp);
  }

  private static ObjectNode refusal(JsonNode line) {
    ObjectNode facts = Json.object();
    facts.put("model", line.path("original_model").asText());
    if (line.path("api_refusal_category").isTextual()) {
      facts.put("category", line.path("api_refusal_category").asText());
    }
    return facts;
  }

  private static Block of(JsonNode line, String subtype, String message, ObjectNode facts, String timestamp) {
    return new SystemNote(line.path("uuid").asText(), timestamp, subtype, message, facts);
  }

  private static void copyNumber(ObjectNode facts, String camel, JsonNode metadata, String snake) {
    JsonNode value = metadata.path(snake).isNumber() ? metadata.path(snake) : metadata.path(camel);
    if (value.isNumber()) {
      facts.put(camel, value.asLong());
    }
  }
}
