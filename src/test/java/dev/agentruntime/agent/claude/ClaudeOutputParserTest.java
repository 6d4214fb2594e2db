package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.agent.OutputParser.TurnEnd;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.UsageMetadata.Usage;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.RecordedOutput;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the recordings do not show, each in the CLI's own form. Lines are written with single quotes. */
class ClaudeOutputParserTest {

  private static final String MESSAGE = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  private static final String TAKEN =
      "{'type':'command_lifecycle','command_uuid':'" + MESSAGE + "','state':'started','uuid':'l1','session_id':'s'}";

  private final RecordedOutput out = new RecordedOutput();
  private final ClaudeOutputParser parser = new ClaudeOutputParser(Clock.systemUTC());

  private void parse(String... lines) {
    out.parse(parser, String.join("\n", lines).replace('\'', '"'));
  }

  private EventFold folded() {
    EventFold fold = new EventFold();
    out.events.forEach(fold::apply);
    return fold;
  }

  private List<String> deltas() {
    return out.events.stream().filter(SessionEvent.BlockDelta.class::isInstance)
        .map(event -> ((SessionEvent.BlockDelta) event).delta()).toList();
  }

  private static JsonNode json(String text) {
    try {
      return Json.tree(text.replace('\'', '"'));
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  private static String stream(String event) {
    return "{'type':'stream_event','event':" + event + ",'session_id':'s','parent_tool_use_id':null,'uuid':'u','api_message_id':'msg_1'}";
  }

  private static String messageStart() {
    return stream("{'type':'message_start','message':{'id':'msg_1','model':'m','content':[]}}");
  }

  private static String start(int index, String entry) {
    return stream("{'type':'content_block_start','index':" + index + ",'content_block':" + entry + "}");
  }

  private static String textStart(int index) {
    return start(index, "{'type':'text','text':''}");
  }

  private static String textDelta(int index, String json) {
    return stream("{'type':'content_block_delta','index':" + index + ",'delta':{'type':'text_delta','text':'" + json + "'}}");
  }

  private static String assistant(String parent, String uuid, String entries) {
    return "{'type':'assistant','message':{'id':'msg_1','model':'m','content':[" + entries + "]},'parent_tool_use_id':" + parent
        + ",'uuid':'" + uuid + "','timestamp':'2026-01-01T00:00:00.000Z'}";
  }

  private static String toolResult(String parent, String id, String content, String details) {
    return "{'type':'user','message':{'role':'user','content':[{'tool_use_id':'" + id + "','type':'tool_result','content':" + content
        + "}]},'parent_tool_use_id':" + parent + ",'uuid':'r','timestamp':'2026-01-01T00:00:02.500Z','tool_use_result':" + details + "}";
  }

  private static String result(String fields) {
    return "{'type':'result','subtype':'success','is_error':false,'uuid':'res','user_message_uuid':'" + MESSAGE + "'," + fields
        + "'terminal_reason':'completed'}";
  }

  private static String retry(String status) {
    return "{'type':'system','subtype':'api_retry','attempt':1,'max_retries':2,'retry_delay_ms':10,'error_status':" + status
        + ",'error':'e','uuid':'r" + status + "'}";
  }

  @Test
  void theFirstHalfOfACharacterWaitsForItsSecond() {
    parse(TAKEN, messageStart(), textStart(0), textDelta(0, "a\\ud83d"), textDelta(0, "\\ude00b\\ud83d"));
    assertThat(deltas()).containsExactly("a", "\ud83d\ude00b");
    parse(stream("{'type':'message_stop'}"));
    assertThat(deltas()).containsExactly("a", "\ud83d\ude00b", "\uFFFD");
    assertThat(folded().blocks()).singleElement().extracting(Block::text).isEqualTo("a\ud83d\ude00b\uFFFD");
  }

  @Test
  void whatWasNotStreamedOfATextIsAddedAtItsEnd() {
    parse(TAKEN, messageStart(), textStart(0), textDelta(0, "Hel"), assistant("null", "a1", "{'type':'text','text':'Hello'}"));
    assertThat(deltas()).containsExactly("Hel", "lo");
    assertThat(folded().open()).isEmpty();
  }

  @Test
  void whatWasShownIsNotTakenBack() {
    parse(TAKEN, messageStart(), textStart(0), textDelta(0, "Hallo"), assistant("null", "a1", "{'type':'text','text':'Hello'}"));
    assertThat(folded().blocks()).singleElement().extracting(Block::text).isEqualTo("Hallo");
  }

  @Test
  void blocksOfAMessageThatWasNotStreamedAreCounted() {
    parse(TAKEN, assistant("null", "a1", "{'type':'text','text':'one'},{'type':'tool_use','id':'toolu_1','name':'Bash','input':{}},"
        + "{'type':'text','text':'two'}"));
    assertThat(folded().blocks()).extracting(Block::id).containsExactly("msg_1:0", "toolu_1", "msg_1:2");
  }

  @Test
  void aBlockThatIsNotShownKeepsItsPlace() {
    parse(TAKEN, messageStart(), start(0, "{'type':'redacted_thinking','data':'x'}"),
        assistant("null", "a0", "{'type':'redacted_thinking','data':'x'}"), textStart(1), textDelta(1, "hi"),
        assistant("null", "a1", "{'type':'text','text':'hi'}"));
    assertThat(folded().blocks()).singleElement().extracting(Block::id).isEqualTo("msg_1:1");
    assertThat(folded().open()).isEmpty();
  }

  @Test
  void aResultMayComeBeforeItsCallsBlockHasStopped() {
    parse(TAKEN, messageStart(), start(0, "{'type':'tool_use','id':'toolu_1','name':'Edit','input':{}}"),
        stream("{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta','partial_json':'{}'}}"),
        assistant("null", "a1", "{'type':'tool_use','id':'toolu_1','name':'Edit','input':{'replace_all':false}}"),
        toolResult("null", "toolu_1", "'<tool_use_error>no</tool_use_error>','is_error':true", "'Error: no'"),
        stream("{'type':'content_block_stop','index':0}"), stream("{'type':'message_stop'}"));
    assertThat(folded().blocks()).hasSize(2);
    assertThat(folded().blocks().get(0)).isInstanceOfSatisfying(Block.ToolUse.class, call -> {
      assertThat(call.status()).isEqualTo(CallStatus.ERROR);
      assertThat(call.input()).isEqualTo(json("{'replace_all':false}"));
    });
    assertThat(folded().blocks().get(1)).isInstanceOfSatisfying(Block.ToolResult.class, result -> {
      assertThat(result.isError()).isTrue();
      assertThat(result.id()).isEqualTo("result:toolu_1");
      assertThat(result.durationMs()).isEqualTo(2500);
    });
  }

  @Test
  void anAbandonedCallIsWithdrawnAndWhatWasWholeStays() {
    parse(TAKEN, messageStart(), textStart(0), textDelta(0, "x"), assistant("null", "a1", "{'type':'text','text':'x'}"),
        start(1, "{'type':'tool_use','id':'toolu_1','name':'Edit','input':{}}"),
        "{'type':'stream_event','event':{'type':'message_stop'},'parent_tool_use_id':null,'api_message_id':'msg_1',"
            + "'abandoned_blocks':{'api_message_id':'msg_1','from_block_index':1}}");
    assertThat(folded().blocks()).extracting(Block::id).containsExactly("msg_1:0");
    assertThat(folded().open()).isEmpty();
  }

  @Test
  void anInterruptedThoughtKeepsWhatItHadUnlikeOneThatIsMadeAnew() {
    String interrupted = "{'type':'control_response','response':{'subtype':'success','request_id':'interrupt-1','response':{}}}";
    String abandoned = "{'type':'stream_event','event':{'type':'message_stop'},'parent_tool_use_id':null,'api_message_id':'msg_1',"
        + "'abandoned_blocks':{'api_message_id':'msg_1','from_block_index':%d}}";
    String thought = "{'type':'thinking','thinking':'because'}";
    parse(TAKEN, messageStart(), start(0, thought), abandoned.formatted(0));
    assertThat(folded().blocks()).isEmpty();
    parse(TAKEN, interrupted, messageStart(), start(1, thought), abandoned.formatted(1));
    assertThat(folded().blocks()).as("an interrupt of what was before").isEmpty();
    parse(TAKEN, messageStart(), start(2, thought), interrupted, abandoned.formatted(2));
    assertThat(folded().blocks()).singleElement().isInstanceOf(Block.Thinking.class).extracting(Block::text).isEqualTo("because");
    assertThat(folded().open()).isEmpty();
  }

  @Test
  void aRefusalWithoutWordsIsLeftToTheErrorThatFollows() {
    String refusal = "{'type':'system','subtype':'model_refusal_no_fallback','uuid':'r','original_model':'m','content':'%s'}";
    parse(TAKEN, refusal.formatted(""));
    assertThat(folded().blocks()).isEmpty();
    parse(TAKEN, refusal.formatted("It will not."));
    assertThat(folded().blocks()).singleElement().isInstanceOfSatisfying(Block.SystemNote.class, note -> {
      assertThat(note.message()).isEqualTo("It will not.");
      assertThat(note.subtype()).isEqualTo("error");
    });
  }

  @Test
  void resultsOfManyPartsKeepTheAgentsForm() {
    parse(TAKEN, assistant("null", "a", "{'type':'tool_use','id':'t1','name':'Read','input':{}},"
            + "{'type':'tool_use','id':'t2','name':'Read','input':{}},{'type':'tool_use','id':'t3','name':'Read','input':{}}"),
        toolResult("null", "t1", "[{'type':'text','text':'a'},{'type':'text','text':'b'}]", "{}"),
        toolResult("null", "t2", "[{'type':'image','source':{}}]", "{}"), toolResult("null", "t3", "null", "{}"));
    List<JsonNode> outputs = folded().blocks().stream().filter(Block.ToolResult.class::isInstance)
        .map(block -> ((Block.ToolResult) block).output()).toList();
    assertThat(outputs).containsExactly(json("'a\\nb'"), json("[{'type':'image','source':{}}]"), json("''"));
  }

  @Test
  void subagentsMayCallSubagents() {
    parse(TAKEN, assistant("null", "a1", "{'type':'tool_use','id':'t1','name':'Agent','input':{'subagent_type':'outer'}}"),
        assistant("'t1'", "a2", "{'type':'tool_use','id':'t2','name':'Task','input':{'subagent_type':'inner'}}"),
        assistant("'t2'", "a3", "{'type':'text','text':'deep'}"),
        toolResult("'t1'", "t2", "'wrapped'", "{'status':'completed','content':[{'type':'text','text':'inner report'}],'totalDurationMs':7}"),
        toolResult("null", "t1", "'wrapped'", "{'status':'completed','content':[{'type':'text','text':'report'}]}"));
    EventFold fold = folded();
    assertThat(fold.blocks()).singleElement().isInstanceOfSatisfying(Block.SubagentCall.class, call -> {
      assertThat(call.output().asText()).isEqualTo("report");
      assertThat(call.status()).isEqualTo(CallStatus.SUCCESS);
      assertThat(call.name()).isEqualTo("outer");
    });
    assertThat(fold.blocks("t1")).singleElement().isInstanceOfSatisfying(Block.SubagentCall.class, call -> {
      assertThat(call.output().asText()).isEqualTo("inner report");
      assertThat(call.durationMs()).isEqualTo(7);
    });
    assertThat(fold.blocks("t2")).singleElement().extracting(Block::text, Block::id).containsExactly("deep", "a3");
    assertThat(fold.subagents()).hasSize(2).allMatch(subagent -> subagent.status() == SubagentStatus.COMPLETED);
  }

  @Test
  void aSubagentThatCouldNotStartIsACallThatFailed() {
    parse(TAKEN, assistant("null", "a1", "{'type':'tool_use','id':'t1','name':'Agent','input':{}}"),
        toolResult("null", "t1", "'<tool_use_error>bad</tool_use_error>','is_error':true", "'Error: bad'"));
    assertThat(folded().subagents()).isEmpty();
    assertThat(folded().blocks()).singleElement().isInstanceOfSatisfying(Block.SubagentCall.class,
        call -> assertThat(call.status()).isEqualTo(CallStatus.ERROR));
  }

  @Test
  void workWithoutAMessageIsATurnOfTheAgentsOwn() {
    parse("{'type':'system','subtype':'init','uuid':'i'}", messageStart(), textStart(0), textDelta(0, "x"));
    assertThat(out.began).isEqualTo(1);
    parse("{'type':'result','subtype':'success','is_error':false,'uuid':'res','origin':{'kind':'task-notification'},"
        + "'terminal_reason':'completed'}");
    assertThat(out.ends).extracting(TurnEnd::messageId, TurnEnd::unsolicited).containsExactly(tuple(null, true));
  }

  @Test
  void anIdleAgentHasEndedTheTurnThatItBeganByItself() {
    parse(messageStart(), textStart(0), "{'type':'system','subtype':'session_state_changed','state':'idle','uuid':'x'}");
    assertThat(out.ends).extracting(TurnEnd::messageId, TurnEnd::unsolicited, TurnEnd::outcome)
        .containsExactly(tuple(null, true, TurnOutcome.SUCCESS));
    parse(messageStart());
    assertThat(out.began).isEqualTo(2);
  }

  @Test
  void aMessageIsTakenOnce() {
    parse(TAKEN, "{'type':'system','subtype':'init','uuid':'i','user_message_uuids':['" + MESSAGE + "']}",
        "{'type':'user','uuid':'" + MESSAGE + "','isReplay':true,'message':{'role':'user','content':'hi'}}", messageStart());
    assertThat(out.taken).containsExactly(MESSAGE);
    assertThat(out.events).isEmpty();
    assertThat(out.began).isZero();
  }

  @Test
  void anIdleAgentHasEndedTheTurnItBegan() {
    parse(TAKEN, "{'type':'command_lifecycle','command_uuid':'" + MESSAGE + "','state':'cancelled','uuid':'l2'}",
        "{'type':'system','subtype':'session_state_changed','state':'idle','uuid':'x'}");
    assertThat(out.ends).extracting(TurnEnd::messageId, TurnEnd::outcome).containsExactly(tuple(MESSAGE, TurnOutcome.INTERRUPTED));
  }

  @Test
  void anAgentIdleBetweenTwoMessagesHasNotEndedTheNext() {
    parse("{'type':'command_lifecycle','command_uuid':'" + MESSAGE + "','state':'queued','uuid':'l1'}",
        "{'type':'system','subtype':'session_state_changed','state':'idle','uuid':'x'}");
    assertThat(out.taken).containsExactly(MESSAGE);
    assertThat(out.ends).isEmpty();
  }

  @Test
  void usageIsThatOfTheTurnEvenIfTheAgentOnlyTellsTotals() {
    parse(TAKEN, result("'usage':{'input_tokens':10,'output_tokens':2},'total_cost_usd':5,"
        + "'modelUsage':{'m':{'inputTokens':1010,'outputTokens':102,'costUSD':5}},"));
    parse(TAKEN, result("'usage':{'input_tokens':7,'output_tokens':1},'total_cost_usd':5.5,"
        + "'modelUsage':{'m':{'inputTokens':1017,'outputTokens':103,'costUSD':5.4},'n':{'inputTokens':3,'costUSD':0.1}},"));
    assertThat(out.ends.get(0).used().usage()).isEqualTo(Usage.of(10, 2, 0, 0, 0));
    assertThat(out.ends.get(0).used().costUSD()).isNull();
    assertThat(out.ends.get(1).used().usage()).isEqualTo(Usage.of(10, 1, 0, 0, 0));
    assertThat(out.ends.get(1).used().costUSD()).isEqualTo(0.5, within(1e-9));
  }

  @Test
  void aResultIsJudgedByIsErrorAndAlwaysHasASentence() {
    parse(TAKEN, "{'type':'result','subtype':'error_during_execution','is_error':true,'uuid':'r1','user_message_uuid':'" + MESSAGE
        + "','errors':['[ede_diagnostic] x','Disk is full.'],'terminal_reason':'model_error'}");
    parse(TAKEN, "{'type':'result','subtype':'success','is_error':true,'uuid':'r2','terminal_reason':'prompt_too_long'}");
    assertThat(out.ends).extracting(TurnEnd::outcome).containsOnly(TurnOutcome.ERROR);
    assertThat(out.ends).extracting(TurnEnd::error)
        .containsExactly("Disk is full.", "The agent could not finish the turn (prompt too long).");
    assertThat(folded().blocks()).extracting(Block::id).containsExactly("r1", "r2");
  }

  @Test
  void whoAsksIsAnswered() {
    parse("{'type':'control_request','request_id':'q1','request':{'subtype':'can_use_tool','tool_name':'Bash','input':{}}}",
        "{'type':'control_request','request_id':'q2','request':{'subtype':'elicitation'}}");
    assertThat(out.answers).hasSize(2);
    assertThat(json(out.answers.get(0)).at("/response/request_id").asText()).isEqualTo("q1");
    assertThat(json(out.answers.get(0)).at("/response/response/behavior").asText()).isEqualTo("deny");
    assertThat(json(out.answers.get(1)).at("/response/subtype").asText()).isEqualTo("error");
  }

  @Test
  void anInterruptAlsoStopsWhatRunsInTheBackground() {
    String interrupt = json(ClaudeControl.interrupt().toString()).path("request_id").asText();
    parse("{'type':'system','subtype':'background_tasks_changed','tasks':[{'task_id':'b1'},{'task_id':'b2'}],'uuid':'u'}",
        "{'type':'system','subtype':'background_tasks_changed','tasks':[{'task_id':'b2'}],'uuid':'u'}",
        "{'type':'control_response','response':{'subtype':'success','request_id':'" + interrupt + "','response':{}}}");
    assertThat(out.answers).singleElement().satisfies(line -> {
      assertThat(json(line).at("/request/subtype").asText()).isEqualTo("stop_task");
      assertThat(json(line).at("/request/task_id").asText()).isEqualTo("b2");
      assertThat(line).endsWith("\n");
    });
  }

  @Test
  void onlyRefusedCredentialsAreHopeless() {
    parse(TAKEN, retry("429"), retry("500"), retry("529"), retry("null"));
    assertThat(out.hopeless).isEmpty();
    parse(retry("403"));
    assertThat(out.hopeless).hasSize(1);
  }

  @Test
  void remarksForPeopleAreNotesAndTheOthersAreSilent() {
    parse(TAKEN, "{'type':'system','subtype':'hook_response','hook_name':'h','hook_event':'Stop','output':'','outcome':'success','uuid':'1'}",
        "{'type':'system','subtype':'hook_response','hook_name':'h','hook_event':'Stop','output':'told','outcome':'success','uuid':'2'}",
        "{'type':'system','subtype':'informational','content':'x','level':'info','uuid':'3'}",
        "{'type':'system','subtype':'informational','content':'warned','level':'warning','uuid':'4'}",
        "{'type':'system','subtype':'something_new','uuid':'5'}", "{'type':'keep_alive'}");
    assertThat(folded().blocks()).extracting(Block::id).containsExactly("2", "4");
    assertThat(out.unknown).isEmpty();
    parse("{'type':'something_new'}");
    assertThat(out.unknown).hasSize(1);
  }

  @Test
  void whyAConversationWasNotCompactedIsSaidInWords() {
    for (String why : List.of("too_few_groups", "API Error: 529 Overloaded", "")) {
      parse("{'type':'system','subtype':'status','status':null,'compact_result':'failed','compact_error':'" + why + "','uuid':'" + why + "'}");
    }
    assertThat(folded().blocks()).extracting(block -> ((Block.SystemNote) block).message()).containsExactly(
        "The conversation could not be compacted (too few groups).",
        "The conversation could not be compacted: API Error: 529 Overloaded", "The conversation could not be compacted.");
  }

  @Test
  void aLineOfTooManyValuesIsHandedOn() {
    parse(TAKEN, assistant("null", "a", "{'type':'tool_use','id':'t1','name':'x','input':{'a':[" + "[],".repeat(500_000) + "0]}}"));
    assertThat(out.unknown).singleElement().asString().startsWith("{\"type\":\"assistant\"").hasSizeLessThan(400);
    assertThat(out.events).isEmpty();
  }

  @Test
  void whatIsForTheModelAloneIsNotShown() {
    parse(TAKEN, assistant("'t1'", "a", "{'type':'text','text':'x'}"),
        "{'type':'user','isSynthetic':true,'parent_tool_use_id':'t1','uuid':'u1','message':{'content':'for the model'}}",
        "{'type':'user','parent_tool_use_id':'t1','uuid':'u2','message':{'content':[{'type':'text','text':'[Request interrupted by user]'}]}}",
        "{'type':'assistant','parent_tool_use_id':null,'uuid':'u3','message':{'id':'x','model':'<synthetic>','content':"
            + "[{'type':'text','text':'No response requested.'}]}}");
    assertThat(folded().blocks()).isEmpty();
    assertThat(folded().blocks("t1")).extracting(Block::id).containsExactly("a");
  }

  @Test
  void halfCharactersInResultsDoNotReachAClient() {
    parse(TAKEN, assistant("null", "a", "{'type':'tool_use','id':'t1','name':'Read','input':{'x\\ud83d':['\\ude00']}}"),
        toolResult("null", "t1", "'a\\ud83d'", "{}"));
    for (SessionEvent event : out.events) {
      assertThat(new String(Json.bytes(event), StandardCharsets.UTF_8)).doesNotContain("\ud83d");
    }
    assertThat(((Block.ToolResult) folded().blocks().get(1)).output().asText()).isEqualTo("a\uFFFD");
  }
}
