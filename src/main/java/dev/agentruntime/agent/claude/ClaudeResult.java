package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.UsageMetadata;
import dev.agentruntime.protocol.UsageMetadata.Usage;
import java.util.ArrayList;
import java.util.List;

/**
 * What a {@code result} line says about a turn. A result is judged by {@code is_error} and {@code terminal_reason}, never by its subtype,
 * which is {@code success} also for an API error.
 */
final class ClaudeResult {

  /** Before a message of the CLI to its makers. */
  private static final String DIAGNOSTIC = "[ede_diagnostic]";

  private final JsonNode line;

  ClaudeResult(JsonNode line) {
    this.line = line;
  }

  TurnOutcome outcome() {
    if (line.path("terminal_reason").asText().startsWith("aborted")) {
      return TurnOutcome.INTERRUPTED;
    }
    return line.path("is_error").asBoolean() ? TurnOutcome.ERROR : TurnOutcome.SUCCESS;
  }

  /** A sentence for users. */
  String error() {
    String reason = line.path("terminal_reason").asText();
    String subtype = line.path("subtype").asText();
    if (reason.equals("max_turns") || subtype.equals("error_max_turns")) {
      return "The agent stopped: the option maxTurns allows no more rounds.";
    }
    if (reason.equals("budget_exhausted") || subtype.equals("error_max_budget_usd")) {
      return "The agent stopped: the option maxBudgetUsd allows no more cost.";
    }
    String said = line.path("result").asText();
    if (!said.isBlank()) {
      return said;
    }
    List<String> errors = new ArrayList<>();
    for (JsonNode error : line.path("errors")) {
      if (!error.asText().startsWith(DIAGNOSTIC)) {
        errors.add(error.asText());
      }
    }
    if (!errors.isEmpty()) {
      return String.join(" ", errors);
    }
    return reason.isEmpty() ? "The agent could not finish the turn."
        : "The agent could not finish the turn (" + reason.replace('_', ' ') + ").";
  }

  /** A word for programs. */
  String code() {
    String reason = line.path("terminal_reason").asText();
    return reason.isEmpty() ? line.path("subtype").asText() : reason;
  }

  /** Whether the CLI says that it began the turn by itself. */
  boolean unsolicited() {
    String origin = line.path("origin").path("kind").asText();
    return !origin.isEmpty() && !origin.equals("human") && !line.path("user_message_uuid").isTextual();
  }

  /** Whose turn it was, or {@code null}. */
  String messageId() {
    JsonNode id = line.path("user_message_uuid");
    return id.isTextual() ? id.asText() : null;
  }

  /**
   * What was used since the last result. The line's own totals go on over the whole process and over a resume.
   *
   * @param before the line of the result before this one from the same process, or {@code null}
   * @param model the model last heard of, or {@code null}
   */
  UsageMetadata used(ClaudeResult before, String model) {
    JsonNode since = line.path("model_usage_since_last_result");
    if (since.isObject()) {
      return total(since, model);
    }
    if (before != null && line.path("modelUsage").isObject()) {
      UsageMetadata now = total(line.path("modelUsage"), model);
      UsageMetadata then = total(before.line.path("modelUsage"), model);
      Usage a = now.usage();
      Usage b = then.usage();
      return new UsageMetadata(Usage.of(less(a.inputTokens(), b.inputTokens()), less(a.outputTokens(), b.outputTokens()),
          less(a.cacheReadTokens(), b.cacheReadTokens()), less(a.cacheWriteTokens(), b.cacheWriteTokens()),
          less(a.thinkingTokens(), b.thinkingTokens())), Math.max(0, cost(now) - cost(then)), model);
    }
    JsonNode usage = line.path("usage");
    return usage.isObject() ? new UsageMetadata(Usage.of(usage.path("input_tokens").asLong(), usage.path("output_tokens").asLong(),
        usage.path("cache_read_input_tokens").asLong(), usage.path("cache_creation_input_tokens").asLong(),
        usage.path("output_tokens_details").path("thinking_tokens").asLong()), null, model) : null;
  }

  private static UsageMetadata total(JsonNode models, String model) {
    Usage sum = Usage.NONE;
    double cost = 0;
    for (JsonNode of : models) {
      sum = sum.plus(Usage.of(of.path("inputTokens").asLong(), of.path("outputTokens").asLong(),
          of.path("cacheReadInputTokens").asLong(), of.path("cacheCreationInputTokens").asLong(),
          of.path("thinkingTokens").asLong()));
      cost += of.path("costUSD").asDouble();
    }
    return new UsageMetadata(sum, cost, model);
  }

  private static double cost(UsageMetadata total) {
    return total.costUSD() == null ? 0 : total.costUSD();
  }

  /** A total may be set back, by a cleared conversation. */
  private static long less(long now, long before) {
    return now >= before ? now - before : now;
  }
}
