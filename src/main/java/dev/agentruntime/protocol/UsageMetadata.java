package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * What a conversation has used so far.
 *
 * @param costUSD United States dollars, or {@code null} when the agent does not tell; so is what is no amount
 * @param model the model last used, or {@code null}
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record UsageMetadata(Usage usage, Double costUSD, String model) {

  public UsageMetadata {
    costUSD = costUSD != null && costUSD >= 0 && Double.isFinite(costUSD) ? costUSD : null;
  }

  /** The sum of both. The model is that of {@code later}, if it has one. */
  public UsageMetadata plus(UsageMetadata later) {
    Double cost = costUSD == null ? later.costUSD : Double.valueOf(costUSD + (later.costUSD == null ? 0 : later.costUSD));
    return new UsageMetadata(usage.plus(later.usage), cost, later.model == null ? model : later.model);
  }

  /** Tokens. {@code totalTokens} is the sum of input, output, cache read and cache write. */
  public record Usage(long inputTokens, long outputTokens, long cacheReadTokens, long cacheWriteTokens, long thinkingTokens,
                      long totalTokens) {

    /** What a double holds exactly, as clients read numbers into it. */
    private static final long MOST = 1L << 53;

    public static final Usage NONE = of(0, 0, 0, 0, 0);

    public Usage {
      inputTokens = count(inputTokens);
      outputTokens = count(outputTokens);
      cacheReadTokens = count(cacheReadTokens);
      cacheWriteTokens = count(cacheWriteTokens);
      thinkingTokens = count(thinkingTokens);
      totalTokens = count(totalTokens);
    }

    public static Usage of(long input, long output, long cacheRead, long cacheWrite, long thinking) {
      return new Usage(input, output, cacheRead, cacheWrite, thinking, count(input) + count(output) + count(cacheRead) + count(cacheWrite));
    }

    /** What is no number of tokens is brought to the nearest one. */
    private static long count(long tokens) {
      return Math.max(0, Math.min(tokens, MOST));
    }

    public Usage plus(Usage other) {
      return of(inputTokens + other.inputTokens, outputTokens + other.outputTokens, cacheReadTokens + other.cacheReadTokens,
          cacheWriteTokens + other.cacheWriteTokens, thinkingTokens + other.thinkingTokens);
    }
  }
}
