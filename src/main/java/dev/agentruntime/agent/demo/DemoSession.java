package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** What the turns of one conversation share. All but {@link #model} is for the thread of the turns. */
final class DemoSession {

  final String id;
  final Path workspace;
  final DemoOutput out;
  final DemoTranscript transcript;
  final DemoTools tools;
  final List<String> userTexts = new ArrayList<>();
  final DemoUsage total = new DemoUsage();
  volatile String model;
  /** What waits to be run, in order. */
  final BlockingQueue<DemoTurn> turns = new LinkedBlockingQueue<>();
  /** Whether the last turn ended in an error. */
  volatile boolean failed;
  int results;

  DemoSession(String id, Path workspace, String model, DemoOutput out, DemoTranscript transcript) {
    this.id = id;
    this.workspace = workspace;
    this.model = model;
    this.out = out;
    this.transcript = transcript;
    this.tools = new DemoTools(workspace);
  }

  void system(String subtype, Object... namesAndValues) {
    Map<String, Object> line = object("type", "system", "subtype", subtype);
    line.putAll(object(namesAndValues));
    out.line(line);
  }

  /** The line that starts every turn. */
  void init() {
    system("init", "cwd", workspace.toString(), "session_id", id,
        "tools", List.of("Task", "Bash", "Edit", "Read", "Write"), "mcp_servers", List.of(), "model", model,
        "permissionMode", "bypassPermissions", "slash_commands", List.of(), "apiKeySource", "none",
        "claude_code_version", DemoTranscript.VERSION, "output_style", "default", "agents", List.of("general-purpose"),
        "skills", List.of(), "plugins", List.of());
  }
}
