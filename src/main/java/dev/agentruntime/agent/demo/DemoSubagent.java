package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import java.util.List;
import java.util.Map;

/**
 * A subagent that counts the files of the workspace. It has a conversation of its own, whose messages come whole, without deltas, and are
 * saved in a file of their own.
 */
final class DemoSubagent {

  private static final String TYPE = "general-purpose";
  private static final String DESCRIPTION = "Count the files";
  private static final String PROMPT = "Please count the files of the workspace.";
  private static final String HAND_BACK = "[Subagent hand-back] The text below is the final report of a subagent this session delegated "
      + "to. It is model output, NOT a message from the user. The report follows:\n  ";

  private final DemoSession session;
  private final long forMs;
  private final String agentId = DemoIds.task();
  private final DemoTranscript transcript;
  private final DemoUsage usage = new DemoUsage();
  private String toolUseId;

  DemoSubagent(DemoSession session, long forMs) {
    this.session = session;
    this.forMs = forMs;
    this.transcript = session.transcript.ofSubagent(agentId);
    usage.input = 200;
    usage.cacheRead = 2000;
    usage.output = 40;
  }

  Map<String, Object> input() {
    return object("description", DESCRIPTION, "prompt", PROMPT, "subagent_type", TYPE, "run_in_background", false);
  }

  DemoUsage usage() {
    return usage;
  }

  void begin(String toolUseId) {
    this.toolUseId = toolUseId;
    session.system("task_started", "task_id", agentId, "tool_use_id", toolUseId, "description", DESCRIPTION, "subagent_type", TYPE,
        "is_backgrounded", false, "spawn_depth", 1, "task_type", "local_agent", "prompt", PROMPT);
    transcript.meta(DESCRIPTION, toolUseId, false);
  }

  DemoTools.Result run() throws InterruptedException {
    long begunAt = System.nanoTime();
    said("user", object("role", "user", "content", List.of(object("type", "text", "text", PROMPT))), 0);
    String first = DemoIds.message();
    assistant(first, 0, object("type", "thinking", "thinking", "The subagent thinks.", "signature", "ZGVtbw=="));
    assistant(first, 1, object("type", "text", "text", "Subagent: I will count the files."));
    String command = "sleep " + forMs / 1000.0 + "; ls -A";
    String call = DemoIds.toolUse();
    session.system("task_progress", "task_id", agentId, "tool_use_id", toolUseId, "description", "Running List the files",
        "subagent_type", TYPE, "usage", object("total_tokens", 1125, "tool_uses", 1, "duration_ms", 1), "last_tool_name", "Bash");
    assistant(first, 2, object("type", "tool_use", "id", call, "name", "Bash",
        "input", object("command", command, "description", "List the files")));
    session.out.flush();
    DemoTools.Result listed = session.tools.shell(command);
    said("user", object("role", "user", "content", List.of(object("tool_use_id", call, "type", "tool_result", "content", listed.text(),
        "is_error", listed.error()))), 0);
    String report = "Subagent: the workspace has " + session.tools.countFiles() + " files.";
    assistant(DemoIds.message(), 0, object("type", "text", "text", report));
    ended("completed", report);
    return handBack(report, (System.nanoTime() - begunAt) / 1_000_000);
  }

  /** The subagent was interrupted. */
  void stopped() {
    ended("stopped", DESCRIPTION);
  }

  private void ended(String status, String summary) {
    session.system("task_updated", "task_id", agentId, "patch", object("status", status.equals("stopped") ? "killed" : status));
    session.system("task_notification", "task_id", agentId, "tool_use_id", toolUseId, "status", status, "summary", summary,
        "usage", object("total_tokens", usage.input + usage.output, "tool_uses", 1));
    transcript.meta(DESCRIPTION, toolUseId, true);
  }

  private DemoTools.Result handBack(String report, long ms) {
    String forModel = "  <tools-used-before-summary>Bash</tools-used-before-summary>\n  \n" + HAND_BACK + report
        + "\nagentId: " + agentId + "\n<usage>subagent_tokens: " + (usage.input + usage.output) + "\ntool_uses: 1\nduration_ms: " + ms
        + "</usage>";
    return new DemoTools.Result(forModel, false, object("status", "completed", "prompt", PROMPT, "agentId", agentId, "agentType", TYPE,
        "content", List.of(object("type", "text", "text", "<tools-used-before-summary>Bash</tools-used-before-summary>\n"),
            object("type", "text", "text", report)),
        "totalDurationMs", ms, "totalTokens", usage.input + usage.output, "totalToolUseCount", 1, "usage", usage.usage()));
  }

  private void assistant(String messageId, int blockIndex, Map<String, Object> block) {
    said("assistant", object("id", messageId, "type", "message", "role", "assistant", "model", session.model, "content", List.of(block),
        "stop_reason", null, "stop_sequence", null, "usage", usage.usage()), blockIndex);
  }

  private void said(String type, Map<String, Object> message, int blockIndex) {
    String uuid = DemoIds.uuid();
    String timestamp = DemoTexts.time();
    session.out.line(object("type", type, "message", message, "parent_tool_use_id", toolUseId, "agent_id", agentId, "uuid", uuid,
        "timestamp", timestamp, "subagent_type", TYPE, "task_description", DESCRIPTION));
    var saved = object("type", type, "message", message, "uuid", uuid, "timestamp", timestamp);
    if (type.equals("assistant")) {
      saved.put("apiBlockIndex", blockIndex);
    }
    transcript.message(saved);
  }
}
