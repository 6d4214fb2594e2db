package dev.agentruntime.support;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionEvent;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A sink for an agent's output that keeps everything, in order, in a form that can be read and compared. */
public final class RecordedOutput implements OutputParser.Sink {

  public final List<SessionEvent> events = new ArrayList<>();
  public final List<ObjectNode> log = new ArrayList<>();
  public final List<OutputParser.TurnEnd> ends = new ArrayList<>();
  public final List<String> unknown = new ArrayList<>();
  public final List<String> taken = new ArrayList<>();
  public final List<String> hopeless = new ArrayList<>();
  public final List<String> answers = new ArrayList<>();
  public int began;

  @Override
  public void event(SessionEvent event) {
    events.add(event);
    log.add(Json.object().put("event", FrameEncoder.name(event)).set("data", Json.toTree(event)));
  }

  @Override
  public void messageTaken(String messageId) {
    taken.add(messageId);
    log.add(Json.object().put("messageTaken", messageId));
  }

  @Override
  public void turnBegan() {
    began++;
    log.add(Json.object().put("turnBegan", true));
  }

  @Override
  public void turnEnded(OutputParser.TurnEnd end) {
    ends.add(end);
    log.add(Json.object().set("turnEnded", Json.toTree(end)));
  }

  @Override
  public void hopeless(String why) {
    hopeless.add(why);
    log.add(Json.object().put("hopeless", why));
  }

  @Override
  public void answer(Buffer lines) {
    answers.add(lines.toString());
    log.add(Json.object().put("answer", lines.toString()));
  }

  @Override
  public void unknown(String line) {
    unknown.add(line);
    log.add(Json.object().put("unknown", line));
  }

  /** Parses whole output, line by line, with each line somewhere inside a larger array. */
  public RecordedOutput parse(OutputParser parser, byte[] output) {
    int from = 0;
    for (int i = 0; i <= output.length; i++) {
      if (i == output.length || output[i] == '\n') {
        parser.line(output, from, i, this);
        from = i + 1;
      }
    }
    return this;
  }

  /** As {@link #parse(OutputParser, byte[])}. */
  public RecordedOutput parse(OutputParser parser, String output) {
    return parse(parser, output.getBytes(StandardCharsets.UTF_8));
  }
}
