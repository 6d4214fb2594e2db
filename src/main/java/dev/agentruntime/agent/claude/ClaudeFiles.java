package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.agent.LaunchRequest;
import dev.agentruntime.protocol.CreateSession.InitialFile;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import dev.agentruntime.sandbox.SuppliedFiles.SuppliedFile;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A profile as the files in which the CLI looks for it: its standing instructions ({@code CLAUDE.md} of the user, so that the workspace is
 * left alone), skills and commands in the CLI's own folder; the system prompt, subagents and MCP servers in a folder of the runtime, from
 * where flags point to them. What is long or secret is in a file, not on the command line. The files of bundled MCP servers may be in the
 * sandbox already.
 */
final class ClaudeFiles {

  /** The CLI's folder, below the sandbox's home. */
  static final String CONFIG = ".claude";

  /** The runtime's folder, below the sandbox's home. */
  static final String OWN = ".agent-runtime";

  private final LaunchRequest request;
  private final List<FileContent> files = new ArrayList<>();
  private final List<String> flags = new ArrayList<>();

  ClaudeFiles(LaunchRequest request) {
    this.request = request;
    AgentProfile profile = request.profile();
    if (profile.agentMDFile() != null) {
      add(CONFIG + "/CLAUDE.md", profile.agentMDFile());
    }
    profile.skills().forEach(this::skill);
    profile.commands().forEach(command -> add(CONFIG + "/commands/" + command.name() + ".md", command.prompt()));
    permissions(request.sessionOptions());
    systemPrompt(profile.systemPrompt());
    subagents(profile.subagents());
    mcpServers(profile);
  }

  List<FileContent> files() {
    return files;
  }

  /** The flags that point to the files. */
  List<String> flags() {
    return flags;
  }

  private void skill(AgentProfile.Skill skill) {
    String folder = CONFIG + "/skills/" + skill.name() + "/";
    add(folder + "SKILL.md", withFrontMatter(skill));
    skill.supportingFiles().forEach(file -> add(folder, file));
  }

  /** The CLI takes a skill's name and description from the head of its file. A JSON string is a YAML string. */
  private static String withFrontMatter(AgentProfile.Skill skill) {
    String text = skill.skillMd();
    if (text.startsWith("---\n") || text.startsWith("---\r\n")) {
      return text;
    }
    String description = skill.description() == null ? "" : "description: " + Json.text(skill.description()) + "\n";
    return "---\nname: " + Json.text(skill.name()) + "\n" + description + "---\n" + text;
  }

  private void permissions(ObjectNode options) {
    ObjectNode settings = Json.object();
    ObjectNode permissions = settings.putObject("permissions");
    permissions.set("allow", options.path("allowedTools").isArray() ? options.get("allowedTools") : permissions.arrayNode());
    permissions.set("deny", options.path("disallowedTools").isArray() ? options.get("disallowedTools") : permissions.arrayNode());
    add(CONFIG + "/settings.json", settings.toString());
  }

  /** The CLI records the prompt of a conversation once and for all, unless told not to: a profile may change between two starts. */
  private void systemPrompt(String prompt) {
    if (prompt != null) {
      flags.addAll(List.of("--system-prompt-file", add(OWN + "/system-prompt.md", prompt), "--system-prompt-snapshot", "off"));
    }
  }

  private void subagents(List<AgentProfile.Subagent> subagents) {
    if (subagents.isEmpty()) {
      return;
    }
    ObjectNode agents = Json.object();
    for (AgentProfile.Subagent subagent : subagents) {
      ObjectNode agent = agents.putObject(subagent.name());
      agent.put("description", subagent.description()).put("prompt", subagent.prompt());
      if (subagent.model() != null) {
        agent.put("model", subagent.model());
      }
      if (subagent.tools() != null) {
        agent.set("tools", Json.toTree(subagent.tools()));
      }
    }
    flags.addAll(List.of("--agents", add(OWN + "/agents.json", agents.toString())));
  }

  private void mcpServers(AgentProfile profile) {
    ObjectNode config = Json.object();
    ObjectNode servers = config.putObject("mcpServers");
    profile.bundledMCPs().forEach(server -> servers.set(server.name(), bundled(server)));
    profile.externalMCPs().forEach(server -> servers.set(server.name(), external(server)));
    if (!servers.isEmpty()) {
      flags.addAll(List.of("--mcp-config", add(OWN + "/mcp.json", config.toString())));
    }
  }

  /** What a sandbox that is made for the profile can have in it. */
  static List<SuppliedFile> supplied(AgentProfile profile) {
    return profile.bundledMCPs().stream().flatMap(server -> server.files().stream().map(file -> {
      Buffer content = content(file);
      return new SuppliedFile(folder(server) + "/" + file.path(), content, isScript(content));
    })).toList();
  }

  private static String folder(AgentProfile.BundledMcpServer server) {
    return "mcp/" + server.name();
  }

  /** The CLI starts a server in the workspace; a shell takes it to its own folder first. */
  private ObjectNode bundled(AgentProfile.BundledMcpServer server) {
    String root = request.supplied();
    if (root == null) {
      root = request.home() + "/" + OWN;
      server.files().forEach(file -> add(OWN + "/" + folder(server) + "/", file));
    }
    ObjectNode config = Json.object().put("type", "stdio").put("command", "/bin/sh");
    ArrayNode args = config.putArray("args");
    args.add("-c").add("cd \"$0\" && exec \"$@\"").add(root + "/" + folder(server)).add(server.command());
    server.args().forEach(args::add);
    config.set("env", Json.toTree(server.env()));
    return config;
  }

  private static JsonNode external(AgentProfile.ExternalMcpServer server) {
    ObjectNode config = Json.object();
    if (server.url() != null) {
      config.put("type", server.type() == null ? "http" : server.type()).put("url", server.url());
      config.set("headers", Json.toTree(server.headers()));
      return config;
    }
    config.put("type", "stdio").put("command", server.command());
    config.set("args", Json.toTree(server.args()));
    config.set("env", Json.toTree(server.env()));
    return config;
  }

  private void add(String folder, InitialFile file) {
    Buffer content = content(file);
    files.add(new FileContent(SandboxPath.home(folder + file.path()), content, isScript(content), 0));
  }

  private static Buffer content(InitialFile file) {
    return file.encoding() == WorkspaceFile.Encoding.BASE64 ? Buffer.buffer(Base64.getMimeDecoder().decode(file.content()))
        : Buffer.buffer(file.content());
  }

  private static boolean isScript(Buffer content) {
    return content.length() > 2 && content.getByte(0) == '#' && content.getByte(1) == '!';
  }

  /** @return the file's absolute path in the sandbox */
  private String add(String path, String text) {
    files.add(new FileContent(SandboxPath.home(path), Buffer.buffer(text), false, 0));
    return request.home() + "/" + path;
  }
}
