package dev.agentruntime.agent.claude;

import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** With what the CLI signs in at the model's API: what its profile brings along, or else what the server has. */
final class ClaudeCredentials {

  private static final String API_KEY = "ANTHROPIC_API_KEY";
  private static final String BASE_URL = "ANTHROPIC_BASE_URL";

  /** Each is enough for the CLI to sign in somewhere. */
  private static final List<String> OWN = List.of(API_KEY, "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN",
      "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY");

  private ClaudeCredentials() {}

  /** @throws ApiException saying what to do, if there is nothing to sign in with */
  static void require(AgentProfile profile, Settings.Anthropic server) {
    if (!hasOwn(profile) && server.apiKey() == null) {
      throw new ApiException(ErrorCode.SANDBOX_FAILED, "Claude Code has no API key. Set ANTHROPIC_API_KEY in the server's environment"
          + " (or in the profile's environmentVariables), or use the profile \"demo\", which needs none.");
    }
    if (!hasOwn(profile) && isSet(profile, BASE_URL)) {
      throw new ApiException(ErrorCode.SANDBOX_FAILED, "The agent profile " + profile.id() + " has an ANTHROPIC_BASE_URL of its own, and"
          + " the server's key is not sent there. Add ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN to its environmentVariables.");
    }
  }

  /** The server's key and address; its key only goes to its own address. */
  static Map<String, String> environment(AgentProfile profile, Settings.Anthropic server) {
    Map<String, String> environment = new HashMap<>();
    if (server.baseUrl() != null && !server.baseUrl().isEmpty()) {
      environment.put(BASE_URL, server.baseUrl());
    }
    if (server.apiKey() != null && !hasOwn(profile) && !isSet(profile, BASE_URL)) {
      environment.put(API_KEY, server.apiKey().value());
    }
    return environment;
  }

  private static boolean hasOwn(AgentProfile profile) {
    return OWN.stream().anyMatch(name -> isSet(profile, name));
  }

  private static boolean isSet(AgentProfile profile, String name) {
    return !profile.environmentVariables().getOrDefault(name, "").isBlank();
  }
}
