package dev.agentruntime.support.toy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.agent.LaunchPlan;
import dev.agentruntime.agent.LaunchRequest;
import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.agent.TranscriptFormat;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.SandboxNeeds;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/** The language of {@link ToyProcess}. Takes the option {@code model} without a new start, and no other. */
final class ToyArchitecture implements AgentArchitecture {

  static final String TYPE = "toy";
  private static final String TIME = "2026-01-01T00:00:00Z";

  @Override
  public String type() {
    return TYPE;
  }

  @Override
  public void validateOptions(ObjectNode sessionOptions) {
    // All are taken, and only the model is heeded.
  }

  @Override
  public SandboxNeeds needs(AgentProfile profile) {
    return SandboxNeeds.NOTHING;
  }

  @Override
  public Future<LaunchPlan> plan(LaunchRequest request, Consumer<String> progress) {
    return Future.succeededFuture(new LaunchPlan(List.of(), List.of(), new ProcessSpec(request.profile().command(), Map.of())));
  }

  @Override
  public OutputParser parser(Clock clock) {
    return (line, from, to, sink) -> {
      try {
        said(Json.tree(Arrays.copyOfRange(line, from, to)), sink);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
  }

  private static void said(JsonNode line, OutputParser.Sink sink) {
    String model = line.path("model").asText();
    String text = line.path("text").asText();
    if (line.has("taken")) {
      sink.messageTaken(line.path("taken").asText());
    } else if (line.has("start")) {
      sink.event(new SessionEvent.BlockStart(SessionEvent.MAIN, new Block.AssistantText(line.path("start").asText(), TIME, "", model)));
    } else if (line.has("delta")) {
      sink.event(new SessionEvent.BlockDelta(SessionEvent.MAIN, line.path("delta").asText(), text));
    } else if (line.has("complete")) {
      Block block = new Block.AssistantText(line.path("complete").asText(), TIME, text, model);
      sink.event(new SessionEvent.BlockComplete(SessionEvent.MAIN, block.id(), block));
    } else if (line.has("ask")) {
      sink.answer(line(Json.object().put("answer", line.path("ask").asInt())));
    } else if (line.has("helper")) {
      String id = line.path("helper").asText();
      sink.event(new SessionEvent.SubagentDiscovered(new SessionEvent.SubagentDiscovered.Discovered(id, "helper", id, List.of())));
    } else if (line.has("call")) {
      String id = "call-" + line.path("call").asText();
      sink.event(new SessionEvent.BlockStart(SessionEvent.MAIN,
          new Block.ToolUse(id, TIME, "tool", id, Json.object(), CallStatus.RUNNING, null, null)));
    } else if (line.has("began")) {
      sink.turnBegan();
    } else {
      TurnOutcome outcome = TurnOutcome.valueOf(line.path("outcome").asText().toUpperCase(Locale.ROOT));
      String message = line.path("over").asText(null);
      sink.turnEnded(new OutputParser.TurnEnd(message, message == null, outcome, null, null));
    }
  }

  @Override
  public Buffer message(AgentProfile profile, String messageId, MessageContent content) {
    return line(Json.object().put("message", messageId).put("text", content.plainText()));
  }

  @Override
  public Buffer interrupt() {
    return line(Json.object().put("interrupt", true));
  }

  @Override
  public Buffer optionsChanged(ObjectNode before, ObjectNode after) {
    if (!before.deepCopy().without("model").equals(after.deepCopy().without("model"))) {
      return null;
    }
    return before.equals(after) ? Buffer.buffer() : line(Json.object().put("model", after.path("model").asText("toy")));
  }

  private static Buffer line(ObjectNode json) {
    return Buffer.buffer(Json.bytes(json)).appendByte((byte) '\n');
  }

  @Override
  public TranscriptFormat transcripts() {
    return new TranscriptFormat() {
      @Override
      public String directory(String sessionId, String workspace) {
        return "transcripts";
      }

      @Override
      public boolean belongs(String sessionId, String path) {
        return true;
      }

      @Override
      public boolean appendOnly(String path) {
        return path.endsWith(".jsonl");
      }

      @Override
      public boolean resumable(String sessionId, Iterable<String> paths) {
        return false;
      }

      @Override
      public Conversations read(String sessionId, Map<String, Source> transcripts) {
        return new Conversations(List.of(), List.of());
      }
    };
  }
}
