package dev.agentruntime.agent.claude;

import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.agent.LaunchPlan;
import dev.agentruntime.agent.LaunchPlan.SetupStep;
import dev.agentruntime.agent.LaunchRequest;
import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import dev.agentruntime.sandbox.SandboxNeeds;
import dev.agentruntime.sandbox.SandboxPath;
import dev.agentruntime.sandbox.SuppliedFiles;
import io.vertx.core.Future;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/** How the process is started: command line, environment, files and what is to be installed before. */
final class ClaudeLaunch {

  /** One persistent process that is told and tells in lines of JSON, with every piece of text and what its subagents say. */
  private static final List<String> HEADLESS = List.of("-p", "--input-format", "stream-json", "--output-format", "stream-json",
      "--verbose", "--include-partial-messages", "--replay-user-messages", "--forward-subagent-text", "--strict-mcp-config");

  /** On the search path of a sandbox that has the npm package. */
  private static final String PROGRAM = "claude";

  private static final Pattern TOOL = Pattern.compile("[A-Za-z][A-Za-z0-9_]*");

  /** Adds folders to the search path, whatever the sandbox has there, and becomes the program. */
  private static final List<String> WITH_PATH = List.of("/bin/sh", "-c", "export PATH=\"$0:$PATH\"; exec \"$@\"");

  private final Settings settings;
  private final ClaudeExecutable executable;
  private final Map<String, BuiltInAgent> builtInAgents;
  /** Of the files of profiles that somebody uses: what is to be read whole for it is read once for each version. */
  private final Map<AgentProfile, String> digests = Collections.synchronizedMap(new WeakHashMap<>());

  ClaudeLaunch(Settings settings, ClaudeExecutable executable, Map<String, BuiltInAgent> builtInAgents) {
    this.settings = settings;
    this.executable = executable;
    this.builtInAgents = Map.copyOf(builtInAgents);
  }

  SandboxNeeds needs(AgentProfile profile) {
    BuiltInAgent own = builtIn(profile);
    List<String> programs = profile.command().isEmpty() ? List.of(NpmInstallation.PACKAGE + "@" + settings.claude().version()) : List.of();
    return new SandboxNeeds(own == null ? List.of() : own.systemPackages(), programs, profile.npmDependencies(), profile.pipDependencies(),
        supplied(profile), profile.sandbox());
  }

  private SuppliedFiles supplied(AgentProfile profile) {
    return profile.bundledMCPs().isEmpty() ? SuppliedFiles.NONE
        : new SuppliedFiles(digests.computeIfAbsent(profile, read -> SuppliedFiles.digestOf(ClaudeFiles.supplied(read))),
            () -> ClaudeFiles.supplied(profile));
  }

  /** @return {@code null} if the profile is for none of them */
  private BuiltInAgent builtIn(AgentProfile profile) {
    return profile.command().size() == 1 ? builtInAgents.get(profile.command().get(0)) : null;
  }

  Future<LaunchPlan> plan(LaunchRequest request, Consumer<String> progress) {
    try {
      ClaudeOptions.validate(request.sessionOptions());
      List<String> command = request.profile().command();
      BuiltInAgent own = builtIn(request.profile());
      if (own != null) {
        return Future.succeededFuture(request.equipped() ? elsewhere(request, own) : plan(request, own.command()));
      }
      ClaudeCredentials.require(request.profile(), settings.anthropic());
      Future<List<String>> program = !command.isEmpty() ? Future.succeededFuture(command)
          : request.equipped() ? Future.succeededFuture(List.of(PROGRAM)) : executable.locate(progress).map(List::of);
      return program.map(found -> plan(request, found));
    } catch (ApiException e) {
      return Future.failedFuture(e);
    }
  }

  private LaunchPlan elsewhere(LaunchRequest request, BuiltInAgent agent) {
    String folder = ClaudeFiles.OWN + "/program";
    LaunchPlan plan = plan(request, agent.commandElsewhere().apply(request.home() + "/" + folder));
    List<FileContent> files = new ArrayList<>(plan.files());
    agent.files().get().forEach((name, content) -> files.add(new FileContent(SandboxPath.home(folder + "/" + name), content, false, 0)));
    return new LaunchPlan(files, plan.setup(), plan.process());
  }

  private static ClaudeFiles files(LaunchRequest request) {
    try {
      return new ClaudeFiles(request);
    } catch (SandboxException e) {
      throw new ApiException(ErrorCode.SANDBOX_FAILED,
          "The agent profile " + request.profile().id() + " names a file outside of its folder.", e);
    } catch (IllegalArgumentException e) {
      throw new ApiException(ErrorCode.SANDBOX_FAILED, "The agent profile " + request.profile().id() + " has a file that is not base64.", e);
    }
  }

  private LaunchPlan plan(LaunchRequest request, List<String> program) {
    AgentProfile profile = request.profile();
    ClaudeFiles files = files(request);
    List<String> command = new ArrayList<>();
    List<String> path = new ArrayList<>();
    Map<String, String> environment = environment(request);
    List<SetupStep> setup = request.equipped() ? List.of() : setup(request, environment, path);
    if (!path.isEmpty()) {
      command.addAll(WITH_PATH);
      command.add(String.join(":", path));
    }
    command.addAll(program);
    command.addAll(HEADLESS);
    command.addAll(files.flags());
    if (profile.tools() != null) {
      command.addAll(List.of("--tools", String.join(",", tools(profile))));
    }
    command.addAll(ClaudeOptions.flags(request.sessionOptions()));
    command.addAll(List.of(request.resume() ? "--resume" : "--session-id", request.sessionId()));
    return new LaunchPlan(files.files(), setup, new ProcessSpec(command, environment));
  }

  /**
   * The built-in tools of the profile, and those without which its skills, commands and subagents could not be called. The tools of its MCP
   * servers are there in any case.
   */
  private static List<String> tools(AgentProfile profile) {
    List<String> tools = new ArrayList<>();
    for (String tool : profile.tools()) {
      if (!TOOL.matcher(tool).matches()) {
        throw new ApiException(ErrorCode.SANDBOX_FAILED, "The agent profile " + profile.id() + " lists the tool \"" + tool
            + "\", which is not the name of a tool.");
      }
      if (!tool.startsWith("mcp__")) {
        tools.add(tool);
      }
    }
    if (!profile.skills().isEmpty() || !profile.commands().isEmpty()) {
      add(tools, "Skill");
    }
    if (!profile.subagents().isEmpty() && !tools.contains("Task")) {
      add(tools, "Agent");
    }
    return tools;
  }

  private static void add(List<String> tools, String tool) {
    if (!tools.contains(tool)) {
      tools.add(tool);
    }
  }

  private Map<String, String> environment(LaunchRequest request) {
    Map<String, String> environment = new HashMap<>(ClaudeCredentials.environment(request.profile(), settings.anthropic()));
    environment.put("CLAUDE_CODE_MAX_RETRIES", Integer.toString(settings.claude().maxRetries()));
    environment.put("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    environment.put("DISABLE_AUTOUPDATER", "1");
    environment.put("DISABLE_TELEMETRY", "1");
    environment.put("DISABLE_ERROR_REPORTING", "1");
    environment.putAll(request.profile().environmentVariables());
    environment.put("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "1");
    environment.put("CLAUDE_CONFIG_DIR", request.home() + "/" + ClaudeFiles.CONFIG);
    environment.put("IS_SANDBOX", "1");
    return environment;
  }

  /** Installs the profile's packages into the sandbox's home, where the agent's own programs find them. */
  private List<SetupStep> setup(LaunchRequest request, Map<String, String> environment, List<String> path) {
    AgentProfile profile = request.profile();
    Duration timeout = Duration.ofMillis(settings.sandbox().startTimeoutMs());
    Map<String, String> own = profile.environmentVariables();
    List<SetupStep> steps = new ArrayList<>();
    if (!profile.npmDependencies().isEmpty()) {
      // Above the MCP servers' folders, where Node.js looks for what they import.
      String folder = request.home() + "/" + ClaudeFiles.OWN;
      List<String> install = new ArrayList<>(List.of("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--"));
      install.addAll(profile.npmDependencies());
      steps.add(new SetupStep(installing(profile.npmDependencies().size(), "npm"), new ProcessSpec(install, own), timeout));
      path.add(folder + "/node_modules/.bin");
      prepend(environment, "NODE_PATH", folder + "/node_modules");
    }
    if (!profile.pipDependencies().isEmpty()) {
      String folder = request.home() + "/" + ClaudeFiles.OWN + "/python";
      List<String> install = new ArrayList<>(List.of("python3", "-m", "pip", "install", "--quiet", "--no-input",
          "--disable-pip-version-check", "--upgrade", "--target", folder, "--"));
      install.addAll(profile.pipDependencies());
      steps.add(new SetupStep(installing(profile.pipDependencies().size(), "Python"), new ProcessSpec(install, own), timeout));
      path.add(folder + "/bin");
      prepend(environment, "PYTHONPATH", folder);
    }
    return steps;
  }

  private static String installing(int count, String kind) {
    return "Installing " + count + " " + kind + (count == 1 ? " package" : " packages");
  }

  private static void prepend(Map<String, String> environment, String name, String folder) {
    environment.merge(name, folder, (there, added) -> added + ":" + there);
  }
}
