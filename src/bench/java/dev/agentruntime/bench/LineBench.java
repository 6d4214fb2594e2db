package dev.agentruntime.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.agent.claude.ClaudeOutputParser;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.SessionEvent;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** From a line of an agent's output to the bytes of a frame: as the runtime does it, or over a tree and {@code JsonObject.encode}. */
final class LineBench {

  private static final int LINES = 200_000;
  private static final String SESSION = "390f638b-212a-41c4-a328-5188ba282271";
  private static final String MESSAGE = "msg_01GmDvgmF0L0Y9XmlANqxSSU";
  private static final String BEGIN = "{\"type\":\"stream_event\",\"event\":{\"type\":\"message_start\",\"message\":{\"id\":\"" + MESSAGE
      + "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[]}},\"session_id\":\"" + SESSION
      + "\",\"parent_tool_use_id\":null,\"uuid\":\"a\"}";
  private static final String OPEN = "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\",\"index\":0,"
      + "\"content_block\":{\"type\":\"text\",\"text\":\"\"}},\"session_id\":\"" + SESSION
      + "\",\"parent_tool_use_id\":null,\"uuid\":\"b\",\"api_message_id\":\"" + MESSAGE + "\"}";

  private LineBench() {}

  private interface Encoder {
    byte[] frame(byte[] line) throws IOException;
  }

  /** The parent's side. */
  static void compare(Table table) throws Exception {
    try (Child stream = start("stream"); Child tree = start("tree")) {
      Rounds cpu = new Rounds().add("stream", () -> slice(stream)[0]).add("tree", () -> slice(tree)[0]).run(5, 15);
      Rounds bytes = new Rounds().add("stream", () -> slice(stream)[1]).add("tree", () -> slice(tree)[1]).run(0, 3);
      Rounds.Spread ratio = cpu.ratio("stream", "tree");
      table.row("line of stream-json to encoded frame", "%.2f us, %.0f B".formatted(cpu.cost("stream") / 1e3, bytes.cost("stream")),
          "tree and JsonObject %.2f us, %.0f B".formatted(cpu.cost("tree") / 1e3, bytes.cost("tree")), ratio.toString(),
          Table.goal(ratio.median(), 1 / 3.0, "<= 0.33"));
    }
  }

  /** @param how {@code stream} or {@code tree} */
  static Child start(String how) throws IOException {
    return Child.java(List.of("-Xmx256m"), LineBench.class, Map.of(), how);
  }

  /** @return nanoseconds of CPU and bytes of heap per line */
  static double[] slice(Child child) throws Exception {
    String[] answer = child.ask("run").split(" ");
    return new double[] {Double.parseDouble(answer[0]) / LINES, Double.parseDouble(answer[1]) / LINES};
  }

  /** @param arguments {@code stream} or {@code tree} */
  public static void main(String[] arguments) throws IOException {
    Child.quiet();
    Encoder encoder = arguments[0].equals("stream") ? stream() : tree();
    byte[][] lines = lines();
    var os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while (in.readLine() != null) {
      long cpu = os.getProcessCpuTime();
      long allocated = threads.getCurrentThreadAllocatedBytes();
      long length = 0;
      for (int i = 0; i < LINES; i++) {
        length += encoder.frame(lines[i % lines.length]).length;
      }
      System.out.println(Child.ANSWER + (os.getProcessCpuTime() - cpu) + " " + (threads.getCurrentThreadAllocatedBytes() - allocated) + " " + length);
    }
  }

  private static byte[][] lines() {
    byte[][] lines = new byte[64][];
    for (int i = 0; i < lines.length; i++) {
      String text = i % 8 == 7 ? "Zeile " + i + ":\\n\\\"ä\\\" " : "some text" + (char) ('a' + i % 26) + " ";
      lines[i] = ("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
          + "\"text\":\"" + text + "\"}},\"session_id\":\"" + SESSION + "\",\"parent_tool_use_id\":null,"
          + "\"uuid\":\"b4817ad9-263a-4459-922e-34cd10b963" + (10 + i) + "\",\"api_message_id\":\"" + MESSAGE + "\"}")
          .getBytes(StandardCharsets.UTF_8);
    }
    return lines;
  }

  private static Encoder stream() {
    ClaudeOutputParser parser = new ClaudeOutputParser(Clock.systemUTC());
    FrameEncoder frames = new FrameEncoder(SESSION);
    byte[][] last = new byte[1][];
    long[] seq = new long[1];
    EventSink sink = new EventSink(event -> last[0] = frames.encode(++seq[0], event).json());
    for (String line : List.of(BEGIN, OPEN)) {
      byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
      parser.line(bytes, 0, bytes.length, sink);
    }
    return line -> {
      parser.line(line, 0, line.length, sink);
      return last[0];
    };
  }

  /** Takes events; what else it is told does not matter here. */
  private record EventSink(Consumer<SessionEvent> events) implements OutputParser.Sink {
    @Override
    public void event(SessionEvent event) {
      events.accept(event);
    }

    @Override
    public void messageTaken(String messageId) {}

    @Override
    public void turnBegan() {}

    @Override
    public void turnEnded(OutputParser.TurnEnd end) {}

    @Override
    public void hopeless(String why) {}

    @Override
    public void answer(Buffer lines) {}

    @Override
    public void unknown(String line) {
      throw new IllegalStateException(line);
    }
  }

  private static Encoder tree() {
    ObjectMapper mapper = new ObjectMapper();
    long[] seq = new long[1];
    return line -> {
      JsonNode tree = mapper.readTree(line);
      JsonNode event = tree.path("event");
      String block = tree.path("api_message_id").asText() + ":" + event.path("index").asInt();
      JsonObject data = new JsonObject()
          .put("sessionId", tree.path("session_id").asText())
          .put("conversationId", "main")
          .put("blockId", block)
          .put("delta", event.path("delta").path("text").asText());
      return new JsonObject().put("event", "session:block:delta").put("seq", ++seq[0]).put("data", data).encode()
          .getBytes(StandardCharsets.UTF_8);
    };
  }
}
