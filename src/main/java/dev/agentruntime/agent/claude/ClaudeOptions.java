package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The session options that Claude Code has, each under the name that the Claude Agent SDK gives it: what they may be, how the process is
 * started with them, and how a running process is told of a change.
 *
 * <p>Values go onto the command line only in a form that cannot be taken for anything else: a number, a word of a list, or a name.
 */
final class ClaudeOptions {

  static final String BYPASS = "bypassPermissions";

  /** A model's name or alias, with the marks that some providers' names have. */
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:/@\\[\\]-]{0,199}");
  private static final Pattern TOOL_RULE = Pattern.compile("[A-Za-z0-9_*-]+(\\([^\\p{Cntrl}]{0,1000}\\))?");
  private static final int MAX_TOKENS = 10_000_000;
  private static final int MIN_AUTO_COMPACT_TOKENS = 100_000;

  /** @param flag of the command line, or {@code null} if the option goes another way */
  private record Option(String flag, String expected, Check check) {}

  private interface Check {
    boolean fits(JsonNode value);
  }

  private static final Map<String, Option> OPTIONS = new LinkedHashMap<>();

  static {
    OPTIONS.put("model", new Option("--model", "the name of a model", ClaudeOptions::isName));
    OPTIONS.put("fallbackModel", new Option("--fallback-model", "the name of a model", ClaudeOptions::isName));
    OPTIONS.put("effort", oneOf("--effort", "low", "medium", "high", "xhigh", "max"));
    OPTIONS.put("thinking", oneOf("--thinking", "enabled", "adaptive", "disabled"));
    OPTIONS.put("maxThinkingTokens", number("--max-thinking-tokens", 0, MAX_TOKENS));
    OPTIONS.put("maxTurns", number("--max-turns", 1, 1_000_000));
    OPTIONS.put("maxBudgetUsd", new Option("--max-budget-usd", "a number above 0", value -> value.isNumber() && value.asDouble() > 0
        && value.asDouble() <= 1_000_000));
    OPTIONS.put("permissionMode", oneOf("--permission-mode", "acceptEdits", "auto", BYPASS, "default", "dontAsk", "plan"));
    OPTIONS.put("autoCompactTokens", number("--autocompact", MIN_AUTO_COMPACT_TOKENS, MAX_TOKENS));
    OPTIONS.put("betas", new Option("--betas", "a list of names", value -> isList(value, NAME)));
    OPTIONS.put("allowedTools", new Option(null, "a list of permission rules", value -> isList(value, TOOL_RULE)));
    OPTIONS.put("disallowedTools", new Option(null, "a list of permission rules", value -> isList(value, TOOL_RULE)));
  }

  private ClaudeOptions() {}

  /** @throws ApiException naming everything that is wrong */
  static void validate(ObjectNode options) {
    List<ApiException.Detail> wrong = new ArrayList<>();
    options.properties().forEach(entry -> {
      Option option = OPTIONS.get(entry.getKey());
      String path = "/sessionOptions/" + entry.getKey().replace("~", "~0").replace("/", "~1");
      if (option == null) {
        wrong.add(new ApiException.Detail(path, "is not an option of " + ClaudeArchitecture.TYPE + "; there are: "
            + String.join(", ", OPTIONS.keySet())));
      } else if (!entry.getValue().isNull() && !option.check().fits(entry.getValue())) {
        wrong.add(new ApiException.Detail(path, "must be " + option.expected()));
      }
    });
    if (!wrong.isEmpty()) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The session options are not valid.", wrong);
    }
  }

  /** The flags of a new process. */
  static List<String> flags(ObjectNode options) {
    List<String> flags = new ArrayList<>();
    flags.addAll(permissionFlags(mode(options)));
    OPTIONS.forEach((name, option) -> {
      JsonNode value = options.path(name);
      if (option.flag() != null && !name.equals("permissionMode") && !value.isMissingNode() && !value.isNull()) {
        flags.add(option.flag());
        if (value.isArray()) {
          value.forEach(one -> flags.add(one.asText()));
        } else {
          flags.add(value.asText());
        }
      }
    });
    return flags;
  }

  private static List<String> permissionFlags(String mode) {
    return switch (mode) {
      case BYPASS -> List.of("--dangerously-skip-permissions");
      case "default" -> List.of("--allow-dangerously-skip-permissions", "--permission-mode", "manual");
      default -> List.of("--allow-dangerously-skip-permissions", "--permission-mode", mode);
    };
  }

  /** @return lines for the running process, or {@code null} if it has to be started anew */
  static Buffer changed(ObjectNode before, ObjectNode after) {
    Buffer lines = Buffer.buffer();
    Set<String> names = new HashSet<>();
    before.fieldNames().forEachRemaining(names::add);
    after.fieldNames().forEachRemaining(names::add);
    for (String name : names) {
      JsonNode value = after.path(name);
      if (same(before.path(name), value)) {
        continue;
      }
      switch (name) {
        case "model" -> lines.appendBuffer(ClaudeControl.setModel(value.asText(null)));
        case "effort" -> {
          if (!value.isTextual()) {
            return null;
          }
          lines.appendBuffer(ClaudeControl.setEffort(value.asText()));
        }
        case "permissionMode" -> lines.appendBuffer(ClaudeControl.setPermissionMode(mode(after)));
        case "maxThinkingTokens" ->
            lines.appendBuffer(ClaudeControl.setMaxThinkingTokens(value.isNumber() ? value : NullNode.getInstance()));
        default -> {
          return null;
        }
      }
    }
    return lines;
  }

  /** What is not there and what is null are the same: not set. */
  private static boolean same(JsonNode a, JsonNode b) {
    return a.equals(b) || (a.isMissingNode() || a.isNull()) && (b.isMissingNode() || b.isNull());
  }

  /** How tools are permitted: without asking, unless the options say otherwise. */
  static String mode(ObjectNode options) {
    JsonNode mode = options.path("permissionMode");
    return mode.isTextual() ? mode.asText() : BYPASS;
  }

  private static boolean isName(JsonNode value) {
    return value.isTextual() && NAME.matcher(value.asText()).matches();
  }

  private static boolean isList(JsonNode value, Pattern of) {
    if (!value.isArray() || value.isEmpty()) {
      return false;
    }
    for (JsonNode one : value) {
      if (!one.isTextual() || !of.matcher(one.asText()).matches()) {
        return false;
      }
    }
    return true;
  }

  private static Option oneOf(String flag, String... words) {
    List<String> allowed = Arrays.asList(words);
    return new Option(flag, "one of " + String.join(", ", allowed), value -> value.isTextual() && allowed.contains(value.asText()));
  }

  private static Option number(String flag, int from, int to) {
    return new Option(flag, "a whole number from " + from + " to " + to,
        value -> value.isIntegralNumber() && value.canConvertToInt() && value.asInt() >= from && value.asInt() <= to);
  }
}
