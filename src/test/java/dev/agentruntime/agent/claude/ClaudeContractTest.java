package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.AgentContract;
import dev.agentruntime.config.SettingsLoader;
import dev.agentruntime.protocol.Json;
import java.util.List;
import java.util.Map;

class ClaudeContractTest extends AgentContract {

  @Override
  protected AgentArchitecture architecture() {
    var settings = SettingsLoader.load(Map.of());
    return new ClaudeArchitecture(settings, new ClaudeExecutable(settings, null), Map.of());
  }

  @Override
  protected List<Recording> recordings() {
    return ClaudeRecordings.all().stream().filter(recording -> !recording.name().equals("empty-answer")).toList();
  }

  @Override
  protected ObjectNode someOptions() {
    return Json.object().put("model", "claude-opus-5-5").put("maxTurns", 3);
  }
}
