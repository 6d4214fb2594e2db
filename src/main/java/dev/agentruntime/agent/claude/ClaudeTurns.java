package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.agent.OutputParser.Sink;
import dev.agentruntime.agent.OutputParser.TurnEnd;
import dev.agentruntime.protocol.TurnOutcome;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Whose turn it is. The CLI tells of a message that it has read it ({@code command_lifecycle} queued), begun it (started) and repeats it
 * ({@code isReplay}); a turn ends with its {@code result}. Work without a message is a turn that the CLI began by itself.
 */
final class ClaudeTurns {

  private enum Stage { TAKEN, STARTED, CANCELLED }

  /** The CLI is given one message at a time; of more than this it has made them up. */
  private static final int MOST_MESSAGES = 1_000;

  /** The messages that have not ended. */
  private final Map<String, Stage> messages = new LinkedHashMap<>() {
    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Stage> eldest) {
      return size() > MOST_MESSAGES;
    }
  };
  private boolean unsolicited;
  private boolean errorShown;
  private String model;
  private ClaudeResult lastResult;

  void lifecycle(JsonNode line, Sink sink) {
    String id = line.path("command_uuid").asText();
    switch (line.path("state").asText()) {
      case "queued" -> taken(id, sink);
      case "started" -> {
        taken(id, sink);
        messages.put(id, Stage.STARTED);
      }
      case "cancelled" -> messages.replace(id, Stage.CANCELLED);
      default -> { }
    }
  }

  void taken(String messageId, Sink sink) {
    if (!messageId.isEmpty() && messages.putIfAbsent(messageId, Stage.TAKEN) == null) {
      sink.messageTaken(messageId);
    }
  }

  /** The agent does something in the main conversation. */
  void working(Sink sink) {
    if (messages.isEmpty() && !unsolicited) {
      unsolicited = true;
      sink.turnBegan();
    }
  }

  void model(JsonNode message) {
    if (message.path("model").isTextual()) {
      model = message.path("model").asText();
    }
  }

  void errorShown() {
    errorShown = true;
  }

  boolean needsError() {
    return !errorShown;
  }

  void ended(ClaudeResult result, Sink sink) {
    String messageId = result.messageId();
    boolean own = messageId == null && (unsolicited || result.unsolicited());
    if (messageId == null && !own && !messages.isEmpty()) {
      messageId = messages.keySet().iterator().next();
    }
    TurnOutcome outcome = result.outcome();
    TurnEnd end = new TurnEnd(messageId, own, outcome, outcome == TurnOutcome.ERROR ? result.error() : null,
        result.used(lastResult, model));
    lastResult = result;
    finish(messageId, end, sink);
  }

  /** What was begun and of which there was no result: the CLI has nothing more to say about it. */
  void idle(Sink sink) {
    for (Map.Entry<String, Stage> message : messages.entrySet()) {
      if (message.getValue() != Stage.TAKEN) {
        boolean cancelled = message.getValue() == Stage.CANCELLED;
        finish(message.getKey(), new TurnEnd(message.getKey(), false, cancelled ? TurnOutcome.INTERRUPTED : TurnOutcome.SUCCESS, null,
            null), sink);
        return;
      }
    }
    if (unsolicited) {
      finish(null, new TurnEnd(null, true, TurnOutcome.SUCCESS, null, null), sink);
    }
  }

  private void finish(String messageId, TurnEnd end, Sink sink) {
    messages.remove(messageId);
    unsolicited = false;
    errorShown = false;
    sink.turnEnded(end);
  }
}
