package dev.agentruntime.agent;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.CreateSession.InitialFile;
import dev.agentruntime.sandbox.SandboxNeeds;
import java.util.List;
import java.util.Map;

/**
 * What an agent is, as its operator wrote it down. Lists and maps are never {@code null}.
 *
 * @param id under which sessions refer to it
 * @param architecture the {@linkplain AgentArchitecture#type() kind of agent} that runs it
 * @param command what to run in place of the architecture's own executable: {@code ["demo"]} for the built-in demo agent, or an executable
 *     with its first arguments; empty for the architecture's own
 * @param systemPrompt {@code null} for the agent's own
 * @param agentMDFile text of the agent's standing instructions (CLAUDE.md, AGENTS.md), or {@code null}
 * @param tools the tools that the agent may use; {@code null} for all
 * @param environmentVariables may hold secrets
 * @param sessionOptions what a session's options start with
 * @param sandbox what its sandboxes should be like
 */
public record AgentProfile(String id, String name, String description, String architecture, List<String> command, String systemPrompt,
                           String agentMDFile, List<String> tools, List<Skill> skills, List<Subagent> subagents, List<Command> commands,
                           List<BundledMcpServer> bundledMCPs, List<ExternalMcpServer> externalMCPs, List<String> npmDependencies,
                           List<String> pipDependencies, Map<String, String> environmentVariables,
                           List<InitialFile> defaultWorkspaceFiles, ObjectNode sessionOptions, SandboxNeeds.Wishes sandbox) {

  public AgentProfile {
    command = copy(command);
    tools = tools == null ? null : List.copyOf(tools);
    skills = copy(skills);
    subagents = copy(subagents);
    commands = copy(commands);
    bundledMCPs = copy(bundledMCPs);
    externalMCPs = copy(externalMCPs);
    npmDependencies = copy(npmDependencies);
    pipDependencies = copy(pipDependencies);
    environmentVariables = environmentVariables == null ? Map.of() : Map.copyOf(environmentVariables);
    defaultWorkspaceFiles = copy(defaultWorkspaceFiles);
    sandbox = sandbox == null ? SandboxNeeds.Wishes.NONE : sandbox;
  }

  private static <T> List<T> copy(List<T> list) {
    return list == null ? List.of() : List.copyOf(list);
  }

  @Override
  public String toString() {
    return "AgentProfile[" + id + "]";
  }

  /** @param supportingFiles beside SKILL.md, by path relative to the skill's folder */
  public record Skill(String name, String description, String skillMd, List<InitialFile> supportingFiles) {
    public Skill {
      supportingFiles = copy(supportingFiles);
    }
  }

  /** @param tools {@code null} for all; {@code model} {@code null} for the session's */
  public record Subagent(String name, String description, String prompt, String model, List<String> tools) {}

  /** A slash command. @param prompt the Markdown of its file */
  public record Command(String name, String prompt) {}

  /**
   * An MCP server whose files come with the profile.
   *
   * @param files put into a folder of the server's own, which is its working directory
   */
  public record BundledMcpServer(String name, List<InitialFile> files, String command, List<String> args, Map<String, String> env) {
    public BundledMcpServer {
      files = copy(files);
      args = copy(args);
      env = env == null ? Map.of() : Map.copyOf(env);
    }

    @Override
    public String toString() {
      return "BundledMcpServer[" + name + "]";
    }
  }

  /**
   * An MCP server that is there already: a command to run, or an address.
   *
   * @param type {@code stdio} (default), {@code http} or {@code sse}
   */
  public record ExternalMcpServer(String name, String type, String command, List<String> args, Map<String, String> env, String url,
                                  Map<String, String> headers) {
    public ExternalMcpServer {
      args = copy(args);
      env = env == null ? Map.of() : Map.copyOf(env);
      headers = headers == null ? Map.of() : Map.copyOf(headers);
    }

    @Override
    public String toString() {
      return "ExternalMcpServer[" + name + "]";
    }
  }
}
