package dev.agentruntime.agent.claude;

import dev.agentruntime.agent.LaunchPlan;
import dev.agentruntime.agent.LaunchRequest;
import dev.agentruntime.config.Settings;
import dev.agentruntime.sandbox.ProcessSpec;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** How the process is started. */
final class ClaudeLaunch {

  private final Settings.Claude claude;
  private final Settings.Anthropic anthropic;
  private final ClaudeExecutable executable;
  private final Map<String, List<String>> builtInCommands;

  ClaudeLaunch(Settings.Claude claude, Settings.Anthropic anthropic, ClaudeExecutable executable,
               Map<String, List<String>> builtInCommands) {
    this.claude = claude;
    this.anthropic = anthropic;
    this.executable = executable;
    this.builtInCommands = builtInCommands;
  }

  Future<LaunchPlan> plan(LaunchRequest request, Consumer<String> progress) {
    List<String> command = request.profile().command();
    if (command.size() == 1 && builtInCommands.containsKey(command.get(0))) {
      return Future.succeededFuture(plan(request, builtInCommands.get(command.get(0))));
    }
    if (!command.isEmpty()) {
      return Future.succeededFuture(plan(request, command));
    }
    return executable.locate(progress).map(path -> plan(request, List.of(path)));
  }

  private LaunchPlan plan(LaunchRequest request, List<String> program) {
    List<String> command = new ArrayList<>(program);
    command.addAll(List.of("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
        "--include-partial-messages", "--replay-user-messages", "--forward-subagent-text"));
    command.addAll(ClaudeOptions.flags(request.sessionOptions()));
    command.add(request.resume() ? "--resume" : "--session-id");
    command.add(request.sessionId());
    return new LaunchPlan(List.of(), List.of(), new ProcessSpec(command, environment(request)));
  }

  private Map<String, String> environment(LaunchRequest request) {
    Map<String, String> environment = new HashMap<>();
    if (anthropic.apiKey() != null) {
      environment.put("ANTHROPIC_API_KEY", anthropic.apiKey().value());
    }
    if (anthropic.baseUrl() != null) {
      environment.put("ANTHROPIC_BASE_URL", anthropic.baseUrl());
    }
    environment.put("CLAUDE_CODE_MAX_RETRIES", Integer.toString(claude.maxRetries()));
    environment.put("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    environment.put("DISABLE_AUTOUPDATER", "1");
    environment.put("DISABLE_TELEMETRY", "1");
    environment.put("DISABLE_ERROR_REPORTING", "1");
    environment.put("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "1");
    environment.putAll(request.profile().environmentVariables());
    environment.put("IS_SANDBOX", "1");
    environment.put("CLAUDE_CONFIG_DIR", request.home() + "/.claude");
    return environment;
  }
}
