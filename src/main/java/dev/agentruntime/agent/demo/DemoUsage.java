package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import java.util.Map;

/** Tokens that were used, invented but the same for the same conversation. Not thread-safe. */
final class DemoUsage {

  private static final double DOLLARS_PER_INPUT_TOKEN = 4e-6;
  private static final double DOLLARS_PER_OUTPUT_TOKEN = 20e-6;
  private static final double DOLLARS_PER_CACHE_READ_TOKEN = 0.2e-6;
  private static final double DOLLARS_PER_CACHE_WRITE_TOKEN = 5e-6;

  long input;
  long output;
  long cacheRead;
  long cacheWrite;
  long thinking;

  void add(DemoUsage other) {
    input += other.input;
    output += other.output;
    cacheRead += other.cacheRead;
    cacheWrite += other.cacheWrite;
    thinking += other.thinking;
  }

  DemoUsage minus(DemoUsage other) {
    var difference = new DemoUsage();
    difference.input = input - other.input;
    difference.output = output - other.output;
    difference.cacheRead = cacheRead - other.cacheRead;
    difference.cacheWrite = cacheWrite - other.cacheWrite;
    difference.thinking = thinking - other.thinking;
    return difference;
  }

  double dollars() {
    return input * DOLLARS_PER_INPUT_TOKEN + output * DOLLARS_PER_OUTPUT_TOKEN + cacheRead * DOLLARS_PER_CACHE_READ_TOKEN
        + cacheWrite * DOLLARS_PER_CACHE_WRITE_TOKEN;
  }

  /** As in a message and a result. */
  Map<String, Object> usage() {
    return object("input_tokens", input, "cache_creation_input_tokens", cacheWrite, "cache_read_input_tokens", cacheRead,
        "output_tokens", output, "output_tokens_details", object("thinking_tokens", thinking), "service_tier", "standard");
  }

  /** As in {@code modelUsage}. */
  Map<String, Object> modelUsage() {
    return object("inputTokens", input, "outputTokens", output, "cacheReadInputTokens", cacheRead, "cacheCreationInputTokens",
        cacheWrite, "thinkingTokens", thinking, "webSearchRequests", 0, "costUSD", dollars(), "contextWindow", 200000,
        "maxOutputTokens", 32000);
  }

  static DemoUsage ofModelUsage(Map<String, Object> saved) {
    var usage = new DemoUsage();
    usage.input = number(saved, "inputTokens");
    usage.output = number(saved, "outputTokens");
    usage.cacheRead = number(saved, "cacheReadInputTokens");
    usage.cacheWrite = number(saved, "cacheCreationInputTokens");
    usage.thinking = number(saved, "thinkingTokens");
    return usage;
  }

  private static long number(Map<String, Object> saved, String name) {
    return saved.get(name) instanceof Number number ? number.longValue() : 0;
  }
}
