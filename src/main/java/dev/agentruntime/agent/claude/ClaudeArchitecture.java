package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.agent.LaunchPlan;
import dev.agentruntime.agent.LaunchRequest;
import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.agent.TranscriptFormat;
import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.sandbox.SandboxNeeds;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.time.Clock;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Claude Code, run headless as one persistent process per session that is told and tells in lines of JSON.
 *
 * <p>An agent that speaks the same protocol can take the CLI's place: a profile's {@code command}.
 */
public final class ClaudeArchitecture implements AgentArchitecture {

  public static final String TYPE = "claude-agent-sdk";

  private final ClaudeLaunch launch;
  private final ClaudeTranscripts transcripts = new ClaudeTranscripts();

  /**
   * @param builtIn what a profile's {@code command} of one word may stand for
   */
  public ClaudeArchitecture(Settings settings, ClaudeExecutable executable, Map<String, BuiltInAgent> builtIn) {
    this.launch = new ClaudeLaunch(settings, executable, builtIn);
  }

  @Override
  public String type() {
    return TYPE;
  }

  @Override
  public void validateOptions(ObjectNode sessionOptions) {
    ClaudeOptions.validate(sessionOptions);
  }

  @Override
  public SandboxNeeds needs(AgentProfile profile) {
    return launch.needs(profile);
  }

  @Override
  public Future<LaunchPlan> plan(LaunchRequest request, Consumer<String> progress) {
    return launch.plan(request, progress);
  }

  @Override
  public OutputParser parser(Clock clock) {
    return new ClaudeOutputParser(clock);
  }

  /**
   * The message under the client's own id. {@code client_composed} has the CLI take it as it stands: neither {@code /commands} nor
   * {@code @files} in it are carried out, unless it begins with the name of one of the profile's commands or skills.
   */
  @Override
  public Buffer message(AgentProfile profile, String messageId, MessageContent content) {
    ObjectNode line = Json.object().put("type", "user").put("uuid", messageId);
    if (!callsCommand(profile, content.plainText())) {
      line.put("client_composed", true);
    }
    line.putObject("message").put("role", "user").set("content", content.json());
    return ClaudeOutputParser.line(line);
  }

  private static boolean callsCommand(AgentProfile profile, String text) {
    if (!text.startsWith("/")) {
      return false;
    }
    String name = text.substring(1).split("\\s", 2)[0];
    return profile.commands().stream().anyMatch(command -> command.name().equals(name))
        || profile.skills().stream().anyMatch(skill -> skill.name().equals(name));
  }

  @Override
  public Buffer interrupt() {
    return ClaudeControl.interrupt();
  }

  @Override
  public Buffer optionsChanged(ObjectNode before, ObjectNode after) {
    return ClaudeOptions.changed(before, after);
  }

  @Override
  public TranscriptFormat transcripts() {
    return transcripts;
  }
}
