package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.agent.OutputParser.Sink;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SubagentStatus;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The calls of tools that have not ended, in all conversations, and the subagents that they made. */
final class ClaudeCalls {

  /** @param calledAt when the CLI said that the call was whole, by its own clock; {@code null} until then */
  private record Call(String conversationId, Block block, String calledAt) {}

  private final Map<String, Call> open = new HashMap<>();

  /** Subagents at work, by the id of their call; the CLI's own id for the task, if it told. */
  private final Map<String, String> working = new LinkedHashMap<>();

  /** Every subagent told of; one that was stopped may still say a last word. */
  private final Set<String> discovered = new HashSet<>();

  /** Everything that runs in the background, by the CLI's ids. */
  private Set<String> background = new HashSet<>();

  void start(String conversationId, JsonNode entry, String timestamp, Sink sink) {
    String id = entry.path("id").asText();
    if (!open.containsKey(id)) {
      Block pending = ClaudeBlocks.call(entry, timestamp, Json.object(), CallStatus.PENDING);
      open.put(id, new Call(conversationId, pending, null));
      sink.event(new SessionEvent.BlockStart(conversationId, pending));
    }
  }

  /** The call is known whole. */
  void run(String conversationId, JsonNode entry, String timestamp, Sink sink) {
    String id = entry.path("id").asText();
    start(conversationId, entry, timestamp, sink);
    Call call = open.get(id);
    JsonNode input = entry.path("input");
    Block running = ClaudeBlocks.call(entry, call.block().timestamp(), input.isObject() ? input : Json.object(), CallStatus.RUNNING);
    open.put(id, new Call(call.conversationId(), running, timestamp));
    sink.event(new SessionEvent.BlockUpdate(call.conversationId(), id, ClaudeBlocks.running(running)));
  }

  /** The call has ended, as {@code entry} tells. */
  void end(String conversationId, JsonNode entry, JsonNode details, String timestamp, Sink sink) {
    String id = entry.path("tool_use_id").asText();
    Call call = open.remove(id);
    if (call != null) {
      sink.event(new SessionEvent.BlockComplete(call.conversationId(), id, 
          ClaudeBlocks.ended(call.block(), entry, details, call.calledAt(), timestamp)));
    }
    if (call != null && call.block() instanceof Block.SubagentCall) {
      if (!ClaudeBlocks.isBackgrounded(details)) {
        finished(id, !ClaudeBlocks.isError(entry), sink);
      }
      return;
    }
    Block.ToolResult result = ClaudeBlocks.result(entry, call == null ? null : call.calledAt(), timestamp);
    String where = call == null ? conversationId : call.conversationId();
    sink.event(new SessionEvent.BlockStart(where, result));
    sink.event(new SessionEvent.BlockComplete(where, result.id(), result));
  }

  /** The agent took the call back before it was whole. */
  void withdraw(String id, Sink sink) {
    Call call = open.remove(id);
    if (call != null) {
      sink.event(new SessionEvent.BlockRemoved(call.conversationId(), id));
    }
  }

  /** A subagent is at work: nothing new if that is known. */
  void discovered(String toolUseId, String name, String taskId, Sink sink) {
    if (discovered.add(toolUseId)) {
      working.put(toolUseId, taskId);
      sink.event(new SessionEvent.SubagentDiscovered(new SessionEvent.SubagentDiscovered.Discovered(toolUseId, name, toolUseId, List.of())));
    } else if (taskId != null) {
      working.replace(toolUseId, taskId);
    }
  }

  /** The call's block as it stands, or {@code null}. */
  Block block(String toolUseId) {
    Call call = open.get(toolUseId);
    return call == null ? null : call.block();
  }

  boolean isSubagentCall(String toolUseId) {
    Call call = open.get(toolUseId);
    return call != null && call.block() instanceof Block.SubagentCall;
  }

  void finished(String toolUseId, boolean well, Sink sink) {
    if (working.containsKey(toolUseId)) {
      background.remove(working.remove(toolUseId));
      sink.event(new SessionEvent.SubagentCompleted(toolUseId, well ? SubagentStatus.COMPLETED : SubagentStatus.FAILED));
    }
  }

  /** The call that the CLI's task came from, or {@code null}. */
  String callOfTask(String taskId) {
    for (Map.Entry<String, String> entry : working.entrySet()) {
      if (taskId.equals(entry.getValue())) {
        return entry.getKey();
      }
    }
    return null;
  }

  /** @param tasks the CLI's ids of all that runs in the background now */
  void background(Set<String> tasks) {
    background = new HashSet<>(tasks);
  }

  Set<String> background() {
    return Set.copyOf(background);
  }

  /** The end of a turn: calls of the main conversation have no end any more; what runs in the background goes on. */
  void turnEnded() {
    open.values().removeIf(call -> call.conversationId().equals(SessionEvent.MAIN) || !working.containsKey(call.conversationId()));
  }
}
