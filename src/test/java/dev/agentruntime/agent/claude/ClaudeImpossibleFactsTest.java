package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.UsageMetadata;
import dev.agentruntime.protocol.UsageMetadata.Usage;
import dev.agentruntime.support.RecordedOutput;
import dev.agentruntime.support.SavedTranscripts;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Amounts, times and names that an agent cannot mean do not reach a client, whose schema has no place for them. Lines are written with single quotes. */
class ClaudeImpossibleFactsTest {

  private static final long MOST_TOKENS = 1L << 53;

  private final RecordedOutput out = new RecordedOutput();

  private void parse(String... lines) {
    out.parse(new ClaudeOutputParser(Clock.systemUTC()), String.join("\n", lines).replace('\'', '"'));
  }

  private UsageMetadata used(String figures) {
    parse("{'type':'result','subtype':'success','uuid':'r','model_usage_since_last_result':{'m':{" + figures + "}}}");
    return out.ends.getLast().used();
  }

  private static String said(String fields) {
    return "{'type':'assistant','parent_tool_use_id':null,'message':{'id':'msg_1','content':[{'type':'text','text':'x'}]}," + fields + "}";
  }

  private static String call(String tool) {
    return "{'type':'assistant','parent_tool_use_id':null,'uuid':'c','message':{'id':'msg_2','content':[{'type':'tool_use','id':'toolu_1',"
        + "'name':'" + tool + "','input':{}}]}}";
  }

  private List<Block> completed() {
    return out.events.stream().filter(SessionEvent.BlockComplete.class::isInstance)
        .map(event -> ((SessionEvent.BlockComplete) event).block()).toList();
  }

  @Test
  void tokensAreCountedWithinWhatAClientCanCount() {
    UsageMetadata much = used("'inputTokens':-3,'outputTokens':1e30,'cacheReadInputTokens':1e30");
    assertThat(much.usage()).isEqualTo(new Usage(0, MOST_TOKENS, MOST_TOKENS, 0, 0, MOST_TOKENS));
    assertThat(much.plus(used("'inputTokens':2,'outputTokens':2")).usage())
        .isEqualTo(new Usage(2, MOST_TOKENS, MOST_TOKENS, 0, 0, MOST_TOKENS));
  }

  @Test
  void aCostIsAnAmountOrIsNotTold() {
    assertThat(List.of(used("'costUSD':1e400"), used("'costUSD':'NaN'"), used("'costUSD':-1"))).extracting(UsageMetadata::costUSD)
        .containsOnlyNulls();
    assertThat(used("'costUSD':0.5").plus(used("'costUSD':1e400")).costUSD()).isEqualTo(0.5);
    parse("{'type':'result','subtype':'success','uuid':'r','modelUsage':{'m':{'costUSD':1e400}}}",
        "{'type':'result','subtype':'success','uuid':'s','modelUsage':{'m':{'costUSD':2}}}");
    assertThat(out.ends.getLast().used().costUSD()).isEqualTo(2);
  }

  @Test
  void aTimeIsOneOrIsThatOfTheServer() {
    parse(said("'uuid':'a','timestamp':'yesterday'"), said("'uuid':'b','timestamp':'2026-01-01T00:00:00Z'"), said("'uuid':'c','timestamp':''"));
    assertThat(completed()).hasSize(3).allSatisfy(block -> assertThat(Instant.parse(block.timestamp())).isNotNull());
    assertThat(completed().get(1).timestamp()).isEqualTo("2026-01-01T00:00:00Z");
  }

  @Test
  void aSavedTimeIsOne() {
    String line = said("'uuid':'a','timestamp':'yesterday'").replace('\'', '"') + "\n";
    assertThat(new ClaudeTranscripts().read("s", SavedTranscripts.of(Map.of("s.jsonl", Buffer.buffer(line)))).main()).hasSize(1)
        .allSatisfy(block -> assertThat(Instant.parse(block.timestamp())).isNotNull());
  }

  @Test
  void nothingTakesLessThanNoTime() {
    parse(call("Agent"), "{'type':'user','parent_tool_use_id':null,'uuid':'u','message':{'content':[{'type':'tool_result',"
        + "'tool_use_id':'toolu_1','content':'x'}]},'tool_use_result':{'totalDurationMs':-4}}");
    assertThat(completed()).singleElement().isInstanceOfSatisfying(Block.SubagentCall.class, call ->
        assertThat(call.durationMs()).isZero());
  }

  @Test
  void aSubagentWithoutANameHasNone() {
    parse("{'type':'assistant','parent_tool_use_id':'toolu_9','uuid':'u','message':{'id':'m','content':[]}}");
    assertThat(out.events).singleElement().satisfies(event ->
        assertThat(new String(new FrameEncoder("s").encode(1, event).json(), StandardCharsets.UTF_8)).contains("\"id\":\"toolu_9\"").doesNotContain("name"));
  }
}
