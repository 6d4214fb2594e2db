package dev.agentruntime.agent.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.protocol.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The demo agent as a process: what it says is what the real agent says, and what it says it does, it does. */
@Execution(ExecutionMode.CONCURRENT)
class DemoAgentTest {

  private static final Path RECORDINGS = Path.of("src/test/resources/recordings/claude-code");

  @TempDir
  Path folder;

  /** The same things asked of both, they say the same kinds of lines in the same order. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      text              | say 60 deltas every 1 ms
      thinking          | think; say The answer
      parallel-tools    | say Two calls at once.; parallel tools; say Both calls returned.
      files             | say I write; write n.txt: a; say I edit; edit n.txt: a -> b; say I delete; delete n.txt; say Done
      shell-background  | say Starting.; background 2000 ms; say Started.
      connection-cut    | cut
      bad-request       | error 400
      auth-401          | error 401
      overloaded-then-ok | retry
      long-500-deltas   | say 500 deltas
      unicode           | unicode; write a: b; say now; write a: c; say and; write a: d; say end
      """)
  void speaksAsTheRealAgentDoes(String recording, String request) throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.runs(request);
      if (request.contains("background")) {
        demo.result();
      }
      assertThat(kinds(demo.lines)).isEqualTo(kinds(Files.readAllLines(RECORDINGS.resolve(recording).resolve("stdout.jsonl"))));
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      interrupt-text  | say 1000 deltas every 10 ms | word5              | true
      interrupt-tool  | say x; run sleep 60         | message_stop       | true
      interrupt-retry | error 529                   | api_retry          | false
      """)
  void isInterruptedAsTheRealAgentIs(String recording, String request, String when, boolean goesOn) throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.say(request);
      demo.await(line -> line.toString().contains(when));
      demo.interrupt();
      assertThat(demo.result().path("terminal_reason").asText()).startsWith("aborted_");
      if (goesOn) {
        demo.runs("say after");
      }
      assertThat(kinds(demo.lines)).isEqualTo(kinds(Files.readAllLines(RECORDINGS.resolve(recording).resolve("stdout.jsonl"))));
    }
  }

  @Test
  void anInterruptTakesBackWhatWaits() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.say("silent");
      demo.await(line -> line.path("subtype").asText().equals("init"));
      String waiting = demo.say("say never");
      demo.write("{\"type\":\"control_request\",\"request_id\":\"r\",\"request\":{\"subtype\":\"interrupt\",\"cancel_queued\":true}}");
      JsonNode answer = demo.await(line -> line.path("type").asText().equals("control_response"));
      assertThat(answer.at("/response/response/cancelled/0").asText()).isEqualTo(waiting);
      demo.result();
      assertThat(demo.runs("recall").path("result").asText()).isEqualTo("You have said so far:\n1. silent");
    }
  }

  @Test
  void timesAreMilliseconds() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.runs("say text; run true; subagent");
      assertThat(demo.lines).extracting(line -> Json.tree(line).path("timestamp").asText()).filteredOn(time -> !time.isEmpty())
          .isNotEmpty().allMatch(time -> time.length() <= "2026-01-01T00:00:00.000Z".length());
    }
  }

  /** What a line is, without runs of the same kind and what the real agent says at any time. */
  private static List<String> kinds(List<String> lines) throws Exception {
    List<String> kinds = new ArrayList<>();
    for (String line : lines) {
      JsonNode json = Json.tree(line);
      String kind = String.join("/", json.path("type").asText(), json.path("subtype").asText(), json.path("state").asText(),
          json.at("/event/type").asText(), json.at("/event/delta/type").asText(), json.at("/event/content_block/type").asText());
      boolean again = !kinds.isEmpty() && kinds.get(kinds.size() - 1).equals(kind) && kind.contains("delta");
      if (!again && !kind.contains("thinking_tokens")) {
        kinds.add(kind);
      }
    }
    return kinds;
  }

  @Test
  void worksInTheWorkspace() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.runs("write sub/notes.txt: hello\\nworld");
      assertThat(demo.workspace.resolve("sub/notes.txt")).hasContent("hello\nworld");
      demo.runs("edit sub/notes.txt: hello -> goodbye");
      assertThat(demo.workspace.resolve("sub/notes.txt")).hasContent("goodbye\nworld");
      demo.runs("delete sub/notes.txt");
      assertThat(demo.workspace.resolve("sub/notes.txt")).doesNotExist();
      demo.runs("big 2 MB");
      assertThat(demo.workspace.resolve("big.txt")).hasSize(2 << 20);
    }
  }

  @Test
  void staysInTheWorkspace() throws Exception {
    Path outside = Files.writeString(folder.resolve("outside.txt"), "mine");
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.runs("write ../outside.txt: yours; edit ../outside.txt: mine -> yours; delete ../outside.txt; delete .");
      assertThat(outside).hasContent("mine");
      assertThat(demo.workspace).exists();
      assertThat(demo.lines).filteredOn(line -> line.contains("\"is_error\":true}]")).hasSize(4);
    }
  }

  @Test
  void anInterruptKillsTheToolsProcesses() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.say("run sleep 60");
      demo.await(line -> line.at("/event/type").asText().equals("message_stop"));
      List<ProcessHandle> children = awaitDescendants(demo, 2);
      demo.interrupt();
      assertThat(demo.result().path("terminal_reason").asText()).isEqualTo("aborted_tools");
      for (ProcessHandle child : children) {
        child.onExit().get(10, TimeUnit.SECONDS);
      }
      assertThat(demo.runs("say alive").path("result").asText()).isEqualTo("alive");
    }
  }

  private static List<ProcessHandle> awaitDescendants(DemoProcess demo, int count) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (System.nanoTime() < deadline) {
      List<ProcessHandle> children = demo.process.descendants().toList();
      if (children.size() >= count) {
        return children;
      }
      Thread.onSpinWait();
    }
    throw new AssertionError("the tool has no processes");
  }

  @Test
  void silenceEndsWithAnInterrupt() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.say("silent");
      demo.await(line -> line.path("subtype").asText().equals("init"));
      demo.interrupt();
      assertThat(demo.result().path("is_error").asBoolean()).isTrue();
      assertThat(demo.endInput()).isEqualTo(1);
    }
  }

  @Test
  void anInterruptOfNothingHarmsNothing() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.interrupt();
      demo.await(line -> line.path("type").asText().equals("control_response"));
      assertThat(demo.runs("slow 1 ms; say hi").path("result").asText()).isEqualTo("hi");
    }
  }

  @Test
  void goesOnWithAConversation() throws Exception {
    double cost;
    String session;
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.runs("say one");
      cost = demo.runs("think").path("total_cost_usd").asDouble();
      session = demo.sessionId;
      assertThat(demo.endInput()).isZero();
    }
    try (DemoProcess demo = DemoProcess.resume(folder, session)) {
      JsonNode result = demo.runs("recall");
      assertThat(result.path("result").asText()).isEqualTo("You have said so far:\n1. say one\n2. think");
      assertThat(result.path("total_cost_usd").asDouble()).isGreaterThan(cost).isLessThan(2 * cost);
    }
    try (DemoProcess demo = DemoProcess.start(folder, session)) {
      assertThat(demo.toEnd().exitCode()).isEqualTo(1);
      assertThat(demo.lines).isEmpty();
    }
  }

  @Test
  void goesOnAfterALineThatWasCutOff() throws Exception {
    String session;
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.runs("say one");
      session = demo.sessionId;
      assertThat(demo.endInput()).isZero();
      demo.cutOff("{\"type\":\"user\",\"message\":{\"content\":\"lo");
    }
    try (DemoProcess demo = DemoProcess.resume(folder, session)) {
      demo.runs("say two");
      assertThat(demo.endInput()).isZero();
    }
    try (DemoProcess demo = DemoProcess.resume(folder, session)) {
      assertThat(demo.runs("recall").path("result").asText()).isEqualTo("You have said so far:\n1. say one\n2. say two");
    }
  }

  @Test
  void refusesToGoOnWithWhatIsNotThere() throws Exception {
    try (DemoProcess demo = DemoProcess.resume(folder, UUID.randomUUID().toString())) {
      assertThat(demo.toEnd().exitCode()).isEqualTo(1);
      assertThat(demo.lines).hasSize(1).allMatch(line -> line.contains("No conversation found"));
    }
  }

  @Test
  void finishesWhatWaitsWhenItsInputEnds() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.say("slow 200 ms; say one");
      demo.say("say two");
      assertThat(demo.endInput()).isZero();
      assertThat(demo.lines).filteredOn(line -> line.startsWith("{\"type\":\"result\"")).hasSize(2);
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      hello
      null
      {"type":"user"}
      {"type":"user","message":{}}
      {"type":"control_request"}
      {"type":"user",
      """)
  void aLineThatIsNoMessageEndsIt(String line) throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.write(line);
      assertThat(demo.toEnd().exitCode()).isEqualTo(1);
    }
  }

  @Test
  void otherLinesAreIgnoredOrAnswered() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.write("");
      demo.write("{\"type\":\"keep_alive\"}");
      demo.write("{\"type\":\"control_request\",\"request_id\":\"r\",\"request\":{\"subtype\":\"no_such_thing\"}}");
      assertThat(demo.await(line -> true).at("/response/subtype").asText()).isEqualTo("error");
      demo.write("{\"type\":\"control_request\",\"request_id\":\"r\",\"request\":{\"subtype\":\"set_model\",\"model\":\"other\"}}");
      demo.runs("say hi");
      assertThat(demo.lines).anyMatch(line -> line.contains("\"role\":\"assistant\",\"model\":\"other\""));
    }
  }

  @Test
  void crashes() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.say("crash mid text");
      assertThat(demo.toEnd().exitCode()).isEqualTo(DemoAgent.CRASHED);
      assertThat(demo.lines.get(demo.lines.size() - 1)).contains("\"never \"");
    }
  }

  @Test
  void aFloodLosesNothing() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      JsonNode result = demo.runs("flood 20000");
      var text = new StringBuilder();
      var ids = new HashSet<String>();
      for (String line : demo.lines) {
        JsonNode json = Json.tree(line);
        if (json.at("/event/delta/type").asText().equals("text_delta")) {
          text.append(json.at("/event/delta/text").asText());
          ids.add(json.path("uuid").asText());
        }
      }
      assertThat(text.toString()).hasSize(20000 * 8).startsWith("f000000 f000001 ").endsWith("f019999 ")
          .isEqualTo(result.path("result").asText());
      assertThat(ids).hasSize(20000);
    }
  }
}
