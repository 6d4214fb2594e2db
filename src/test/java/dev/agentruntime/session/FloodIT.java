package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Agents that say more than a session may hold. */
class FloodIT extends SharedRuntime {

  private static final int SESSION_BYTES = 1 << 20;
  private static final int LINES = 1_000_000;
  private static final String FULL = "This session has reached its largest size (about " + SESSION_BYTES
      + " bytes of memory; the setting limits.sessionBytes). It can still be read. Start a new session to go on.";

  /** What an agent says over and over, with # for a number that is never the same. */
  private enum Flood {
    TEXTS(said("\"m#\"", "{'type':'text','text':'#'}")),
    CALLS(said("\"m#\"", "{'type':'tool_use','id':'t#','name':'Bash','input':{'command':'#'}}")),
    MANY_VALUES(said("\"m#\"", "{'type':'tool_use','id':'t#','name':'Bash','input':{'a':[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]}}")),
    RESULTS("{'type':'user','message':{'content':[{'type':'tool_result','tool_use_id':'t#','content':'" + "much ".repeat(300) + "'}]}}"),
    SUBAGENTS("{'type':'system','subtype':'task_started','task_id':'a#','tool_use_id':'t#','subagent_type':'x'}"),
    SUBAGENTS_THAT_SPEAK("{'type':'assistant','uuid':'u#','parent_tool_use_id':'p#','subagent_type':'x','message':{'id':'m#','content':"
        + "[{'type':'text','text':'#'}]}}"),
    WITHDRAWN_CALLS("{'type':'stream_event','api_message_id':'m#','event':{'type':'message_start','message':{'id':'m#'}}}\n"
        + "{'type':'stream_event','api_message_id':'m#','event':{'type':'content_block_start','index':0,'content_block':{'type':'tool_use',"
        + "'id':'t#','name':'Bash'}}}\n"
        + "{'type':'stream_event','api_message_id':'m#','event':{'type':'message_stop'},'abandoned_blocks':{'api_message_id':'m#',"
        + "'from_block_index':0}}"),
    ONE_TEXT("{'type':'stream_event','api_message_id':'m','event':{'type':'message_start','message':{'id':'m'}}}\n"
        + "{'type':'stream_event','api_message_id':'m','event':{'type':'content_block_start','index':0,'content_block':{'type':'text',"
        + "'text':''}}}\n"
        + "{'type':'stream_event','api_message_id':'m','event':{'type':'content_block_delta','index':0,'delta':{'type':'text_delta',"
        + "'text':'" + "more ".repeat(200) + "#'}}}"),
    /** Empty ones. */
    FILES(null),
    /** After its turn. */
    UNASKED("{'type':'result','subtype':'success','is_error':false}\n"
        + "{'type':'user','message':{'content':[{'type':'tool_result','tool_use_id':'t#','content':'" + "much ".repeat(300) + "'}]}}");

    private final String lines;

    Flood(String lines) {
      this.lines = lines == null ? null : lines.replace('\'', '"');
    }

    private static String said(String messageId, String content) {
      return "{'type':'assistant','message':{'id':" + messageId + ",'model':'x','content':[" + content + "]}}";
    }

    private String script() {
      if (lines == null) {
        return "read message\nmkdir many\ni=0\nwhile [ $i -lt 50000 ]; do : >many/file$i; i=$((i+1)); done\nexec cat >/dev/null\n";
      }
      int numbers = (int) lines.chars().filter(c -> c == '#').count();
      return "read message\nawk 'BEGIN { for (i = 0; i < " + LINES + "; i++) printf \""
          + lines.replace("\"", "\\\"").replace("\n", "\\n").replace("#", "%d") + "\\n\"" + ", i".repeat(numbers) + " }'\nexec cat >/dev/null\n";
    }
  }

  @Override
  Map<String, String> settings() throws Exception {
    Path profiles = Files.createDirectory(directory.resolve("profiles"));
    profile(profiles, "demo", "demo");
    for (Flood flood : Flood.values()) {
      Path script = Files.writeString(directory.resolve(flood + ".sh"), flood.script());
      profile(profiles, flood.name(), "/bin/sh\", \"" + script);
    }
    return Map.of("AGENT_RUNTIME_PROFILES_DIR", profiles.toString(), "AGENT_RUNTIME_LIMITS_SESSION_BYTES", "" + SESSION_BYTES,
        "AGENT_RUNTIME_LIMITS_EVENT_LOG_BYTES", "67108864", "AGENT_RUNTIME_SHUTDOWN_GRACE_MS", "120000");
  }

  private static void profile(Path profiles, String id, String command) throws Exception {
    Files.writeString(profiles.resolve(id + ".json"), "{\"name\": \"" + id + "\", \"architecture\": \"claude-agent-sdk\", \"command\": [\""
        + command + "\"], \"environmentVariables\": {\"ANTHROPIC_API_KEY\": \"none\"}}");
  }

  private void assertNoMessageIsTaken() {
    assertThatThrownBy(() -> runtime.send(session, "say more")).isInstanceOfSatisfying(ApiException.class, refusal -> {
      assertThat(refusal.code()).isEqualTo(ErrorCode.CONFLICT);
      assertThat(refusal.getMessage()).isEqualTo(FULL);
    });
  }

  @ParameterizedTest
  @EnumSource
  void itsTurnEndsAndWhatItSaidStays(Flood flood) {
    open(flood.name());
    SessionEvent.TurnCompleted completed = follower.awaitTurn(runtime.send(session, "anything").turnId());
    traces.awaitNoProcess(session);
    if (flood != Flood.UNASKED) {
      assertThat(completed.outcome()).isEqualTo(TurnOutcome.ERROR);
      assertThat(completed.error()).isEqualTo(FULL);
    }
    assertNoMessageIsTaken();
    if (flood == Flood.FILES) {
      assertThatThrownBy(() -> await(runtime.sessions().writeFile(session, "one.more", Buffer.buffer())))
          .isInstanceOfSatisfying(ApiException.class, refusal -> assertThat(refusal.code()).isEqualTo(ErrorCode.CONFLICT));
    }
    SessionSnapshot said = follower.assertFoldIsSnapshot();
    assertThat(follower.fold().open()).isEmpty();
    assertThat(said.blocks().size() + said.subagents().size()).isGreaterThan(1);

    unloadAndFollow();
    assertThat(follower.start.blocks()).isEqualTo(said.blocks());
    assertThat(follower.start.subagents()).isEqualTo(said.subagents());
    if (flood != Flood.WITHDRAWN_CALLS) {
      assertNoMessageIsTaken();
    }
    await(runtime.sessions().delete(session));
    assertThat(runtime.sessions().getLoadedSessions()).doesNotContain(session);
  }

  @Test
  void messagesThatWaitEndAsErrorsToo() {
    open(Flood.TEXTS.name());
    String first = UUID.randomUUID().toString();
    Future<Accepted> answer = runtime.sessions().message(session, new SendMessage(MessageContent.of("anything"), first, null));
    Accepted waiting = runtime.send(session, "say never");
    Accepted running = await(answer);
    assertThat(follower.awaitTurn(running.turnId()).error()).isEqualTo(FULL);
    assertThat(follower.awaitTurn(waiting.turnId()).error()).isEqualTo(FULL);
    assertThat(follower.fold().completedTurns()).hasSize(2);
    assertThat(await(runtime.sessions().message(session, new SendMessage(MessageContent.of("anything"), first, null))))
        .as("a message that came before").isEqualTo(running);
  }

  @Test
  void withMoreRoomItGoesOn() throws Exception {
    Path data = directory.resolve("other");
    String grown;
    try (TestRuntime small = TestRuntime.start(data, Map.of("AGENT_RUNTIME_LIMITS_SESSION_BYTES", "100000"))) {
      grown = small.newSession();
      Follower told = small.follow(grown);
      assertThat(told.awaitTurn(small.send(grown, "say 100 deltas of 2000 bytes").turnId()).outcome()).isEqualTo(TurnOutcome.ERROR);
      assertThatThrownBy(() -> small.send(grown, "say more")).isInstanceOf(ApiException.class);
    }
    try (TestRuntime large = TestRuntime.start(data, Map.of())) {
      Follower told = large.follow(grown);
      assertThat(told.awaitTurn(large.send(grown, "say more").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(told.fold().blocks().getLast().text()).isEqualTo("more");
      await(large.sessions().delete(grown));
    }
  }
}
