package dev.agentruntime.agent.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.agent.TranscriptFormat.Conversations;
import dev.agentruntime.agent.claude.ClaudeOutputParser;
import dev.agentruntime.agent.claude.ClaudeTranscripts;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.SavedTranscripts;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What Claude Code's parser and transcript reader make of the demo agent. */
@Execution(ExecutionMode.CONCURRENT)
class DemoConversationTest {

  @TempDir
  Path folder;

  private final EventFold live = new EventFold();
  private final List<OutputParser.TurnEnd> ends = new ArrayList<>();
  private final List<String> unknown = new ArrayList<>();
  private final List<String> hopeless = new ArrayList<>();

  @ParameterizedTest
  @ValueSource(strings = {
      "say Hello, world", "think; say \"Hello\" in 3 deltas every 1 ms", "write a.txt: one; edit a.txt: one -> two; delete a.txt; fail",
      "subagent", "subagent; subagent", "parallel tools", "unicode", "big 1 MB", "flood 2000", "recall", "help", "Hello?", "cut", "retry",
      "error 400"})
  void whatWasSavedIsWhatWasSaid(String request) throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      String message = demo.say(request);
      demo.result();
      parse(demo);
      assertThat(unknown).isEmpty();
      assertThat(ends).hasSize(1).allMatch(end -> message.equals(end.messageId()) && !end.unsolicited());
      assertThat(ends.get(0).outcome()).isEqualTo(request.startsWith("error") ? TurnOutcome.ERROR : TurnOutcome.SUCCESS);
      assertSavedIsLive(demo, message);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"say before; say 1000 deltas every 5 ms", "think 1000 deltas every 5 ms", "run sleep 60", "subagent 60 s"})
  void whatWasInterruptedIsSavedAsItWasShown(String request) throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      String message = demo.say(request);
      demo.await(line -> line.toString().contains("word9 ") || line.at("/event/type").asText().equals("message_stop"));
      demo.interrupt();
      demo.result();
      parse(demo);
      assertThat(unknown).isEmpty();
      assertThat(ends).hasSize(1).allMatch(end -> end.outcome() == TurnOutcome.INTERRUPTED);
      if (!request.startsWith("subagent")) {
        assertThat(live.open()).isEmpty();
        assertSavedIsLive(demo, message);
      }
    }
  }

  @Test
  void aBackgroundTaskStartsATurnByItself() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.runs("background 200 ms");
      demo.result();
      parse(demo);
      assertThat(unknown).isEmpty();
      assertThat(ends).extracting(OutputParser.TurnEnd::unsolicited).containsExactly(false, true);
      assertThat(live.blocks()).last().isInstanceOfSatisfying(Block.AssistantText.class,
          text -> assertThat(text.content()).isEqualTo("The background task has ended."));
    }
  }

  @Test
  void aKeyThatIsRefusedIsHopeless() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.say("error 401");
      demo.await(line -> line.path("subtype").asText().equals("api_retry"));
      demo.interrupt();
      demo.result();
      parse(demo);
      assertThat(hopeless).hasSize(1);
    }
  }

  @Test
  void rubbishHurtsNobody() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.say("rubbish");
      assertThat(demo.endInput()).isZero();
      parse(demo);
      assertThat(unknown).isNotEmpty();
      assertThat(ends).hasSize(1).allMatch(end -> end.outcome() == TurnOutcome.SUCCESS);
      assertThat(live.blocks()).last().isInstanceOfSatisfying(Block.AssistantText.class,
          text -> assertThat(text.content()).isEqualTo("That was rubbish."));
    }
  }

  @Test
  void eachTurnCostsWhatItUsedItself() throws Exception {
    try (DemoProcess demo = DemoProcess.start(folder)) {
      demo.runs("say one");
      double total = demo.runs("say two").path("total_cost_usd").asDouble();
      parse(demo);
      assertThat(ends).extracting(end -> end.used().costUSD()).allMatch(cost -> cost > 0 && cost < total);
      assertThat(ends.stream().mapToDouble(end -> end.used().costUSD()).sum()).isCloseTo(total, Offset.offset(1e-9));
    }
  }

  private void assertSavedIsLive(DemoProcess demo, String message) throws Exception {
    Conversations saved = new ClaudeTranscripts().read(demo.sessionId, SavedTranscripts.of(demo.transcripts()));
    assertThat(saved.main()).filteredOn(Block.UserMessage.class::isInstance).extracting(Block::id).containsExactly(message);
    assertThat(comparable(saved.main(), Set.of("user_message"))).isEqualTo(comparable(live.blocks(), Set.of("system")));
    assertThat(saved.subagents()).hasSameSizeAs(live.subagents());
    for (SessionSnapshot.Subagent was : live.subagents()) {
      SessionSnapshot.Subagent is = saved.subagents().stream().filter(one -> one.id().equals(was.id())).findFirst().orElseThrow();
      assertThat(is.status()).isEqualTo(was.status());
      assertThat(comparable(is.blocks(), Set.of())).isEqualTo(comparable(was.blocks(), Set.of()));
    }
  }

  private static List<JsonNode> comparable(Collection<Block> blocks, Set<String> without) {
    List<JsonNode> trees = new ArrayList<>();
    for (Block block : blocks) {
      ObjectNode tree = Json.toTree(block);
      tree.remove(List.of("timestamp", "durationMs"));
      if (!without.contains(tree.path("type").asText())) {
        trees.add(tree);
      }
    }
    return trees;
  }

  private void parse(DemoProcess demo) {
    OutputParser parser = new ClaudeOutputParser(Clock.systemUTC());
    byte[] output = demo.output();
    int from = 0;
    for (int i = 0; i <= output.length; i++) {
      if (i == output.length || output[i] == '\n') {
        parser.line(output, from, i, new Sink());
        from = i + 1;
      }
    }
  }

  private final class Sink implements OutputParser.Sink {
    @Override
    public void event(SessionEvent event) {
      live.apply(event);
    }

    @Override
    public void messageTaken(String messageId) {}

    @Override
    public void turnBegan() {}

    @Override
    public void turnEnded(OutputParser.TurnEnd end) {
      ends.add(end);
    }

    @Override
    public void hopeless(String why) {
      hopeless.add(why);
    }

    @Override
    public void answer(Buffer lines) {}

    @Override
    public void unknown(String line) {
      unknown.add(line);
    }
  }
}
