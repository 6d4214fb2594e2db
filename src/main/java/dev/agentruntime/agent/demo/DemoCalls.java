package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;

/** The tool calls of a turn: each ends the message that it is in, is run, and is given its result. */
final class DemoCalls {

  private static final String STOPPED = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it "
      + "was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to "
      + "proceed.";

  private final DemoSession session;
  private final DemoTurn turn;
  /** Calls without a result yet, by id. */
  private final Map<String, String> running = new LinkedHashMap<>();

  DemoCalls(DemoSession session, DemoTurn turn) {
    this.session = session;
    this.turn = turn;
  }

  boolean anyRuns() {
    return !running.isEmpty();
  }

  /** The calls were interrupted while they ran. */
  void stop() {
    for (String id : List.copyOf(running.keySet())) {
      result(id, STOPPED, true, "User rejected tool use");
    }
  }

  static Map<String, Object> bash(String command, String description) {
    return object("command", command, "description", description);
  }

  void shell(String command, String description) throws InterruptedException {
    tool("Bash", bash(command, description), () -> session.tools.shell(command));
  }

  void write(String path, String text) throws InterruptedException {
    Path file = session.tools.resolve(path);
    tool("Write", object("file_path", file.toString(), "content", text), () -> session.tools.write(file, text));
  }

  interface Tool {
    DemoTools.Result run() throws InterruptedException;
  }

  void tool(String name, Map<String, Object> input, Tool tool) throws InterruptedException {
    String id = call(name, input);
    turn.endMessage("tool_use");
    result(id, tool.run());
  }

  private String call(String name, Map<String, Object> input) throws InterruptedException {
    String id = turn.message().toolUse(name, input);
    running.put(id, name);
    return id;
  }

  private void result(String toolUseId, DemoTools.Result result) {
    result(toolUseId, result.text(), result.error(), result.structured());
  }

  private void result(String toolUseId, Object text, boolean error, Object structured) {
    running.remove(toolUseId);
    var block = object("tool_use_id", toolUseId, "type", "tool_result", "content", text, "is_error", error);
    userLine(List.of(block), object("tool_use_result", structured), object("toolUseResult", structured));
    session.out.flush();
  }

  void userLine(List<Object> parts, Map<String, Object> live, Map<String, Object> saved) {
    String uuid = DemoIds.uuid();
    String timestamp = DemoTexts.time();
    var line = object("type", "user", "message", object("role", "user", "content", parts), "parent_tool_use_id", null, "uuid", uuid,
        "timestamp", timestamp);
    line.putAll(live);
    session.out.line(line);
    var entry = object("type", "user", "message", object("role", "user", "content", parts), "uuid", uuid, "timestamp", timestamp);
    entry.putAll(saved);
    session.transcript.message(entry);
  }

  /** Two calls in one message, whose results come in the order in which they end. */
  void parallel() throws InterruptedException {
    String slow = "sleep 0.3; echo first";
    String quick = "echo second";
    String first = call("Bash", bash(slow, "First"));
    String second = call("Bash", bash(quick, "Second"));
    turn.endMessage("tool_use");
    var ended = new LinkedBlockingQueue<Map.Entry<String, Process>>();
    try {
      for (var call : List.of(Map.entry(first, slow), Map.entry(second, quick))) {
        session.tools.start(call.getValue()).onExit().thenAccept(child -> ended.add(Map.entry(call.getKey(), child)));
      }
      for (int i = 0; i < 2; i++) {
        var child = ended.take();
        result(child.getKey(), session.tools.ended(child.getValue()));
      }
    } catch (IOException e) {
      for (String id : List.copyOf(running.keySet())) {
        result(id, DemoTools.Result.failed(e.getMessage()));
      }
    }
  }

  void subagent(long forMs) throws InterruptedException {
    var subagent = new DemoSubagent(session, forMs);
    String id = call("Agent", subagent.input());
    subagent.begin(id);
    turn.endMessage("tool_use");
    DemoTools.Result result;
    try {
      result = subagent.run();
    } catch (InterruptedException e) {
      subagent.stopped();
      throw e;
    }
    session.total.add(subagent.usage());
    result(id, List.of(object("type", "text", "text", result.text())), false, result.structured());
  }

  void background(long afterMs) throws InterruptedException {
    String command = "sleep " + afterMs / 1000.0;
    var input = bash(command, "Background task");
    input.put("run_in_background", true);
    String id = call("Bash", input);
    turn.endMessage("tool_use");
    String task = "b" + DemoIds.task().substring(1, 9);
    session.system("background_tasks_changed", "tasks",
        List.of(object("task_id", task, "task_type", "local_bash", "description", "Background task")));
    session.system("task_started", "task_id", task, "tool_use_id", id, "description", "Background task", "is_backgrounded", true,
        "task_type", "local_bash");
    try {
      session.tools.start(command).onExit().thenAccept(child -> {
        session.system("task_updated", "task_id", task, "patch", object("status", "completed"));
        session.system("task_notification", "task_id", task, "tool_use_id", id, "status", "completed",
            "summary", "Background command \"Background task\" completed (exit code " + child.exitValue() + ")");
        session.system("background_tasks_changed", "tasks", List.of());
        session.turns.add(DemoTurn.afterBackground(session, task));
      });
      result(id, "Command running in background with ID: " + task + ".", false,
          object("stdout", "", "stderr", "", "interrupted", false, "isImage", false, "backgroundTaskId", task));
    } catch (IOException e) {
      result(id, DemoTools.Result.failed(e.getMessage()));
    }
  }
}
