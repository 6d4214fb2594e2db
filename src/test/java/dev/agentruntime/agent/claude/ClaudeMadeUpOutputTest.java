package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.agent.OutputParser.TurnEnd;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.support.LiveHeap;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Of what is no part of a conversation, and is said without end, a parser does not remember all. Lines are written with single quotes. */
@Isolated("it measures the heap")
class ClaudeMadeUpOutputTest {

  private static final int LINES = 400_000;
  private static final long MOST_BYTES = 8 << 20;

  private static final OutputParser.Sink NOBODY = new Silent() {
    @Override
    public void event(SessionEvent event) {
      throw new AssertionError("a part of the conversation: " + event);
    }
  };

  private static class Silent implements OutputParser.Sink {
    @Override
    public void event(SessionEvent event) {
      // Somebody else's.
    }

    @Override
    public void messageTaken(String messageId) {
      // Nobody's.
    }

    @Override
    public void turnBegan() {
      // Nobody's.
    }

    @Override
    public void turnEnded(TurnEnd end) {
      throw new AssertionError(end);
    }

    @Override
    public void hopeless(String why) {
      throw new AssertionError(why);
    }

    @Override
    public void answer(Buffer lines) {
      // Nobody's.
    }

    @Override
    public void unknown(String line) {
      throw new AssertionError(line);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "{'type':'command_lifecycle','command_uuid':'made-up-message-#','state':'queued'}",
      "{'type':'user','isReplay':true,'uuid':'made-up-message-#'}",
      "{'type':'system','subtype':'init','user_message_uuids':['made-up-message-#']}",
      "{'type':'stream_event','api_message_id':'m#','event':{'type':'message_start','message':{'id':'m#'}}}",
      "{'type':'stream_event','api_message_id':'m','event':{'type':'content_block_start','index':#,'content_block':{'type':'unknown'}}}",
      "{'type':'system','subtype':'background_tasks_changed','tasks':[{'task_id':'#'}]}"})
  void isNotRemembered(String line) throws Exception {
    ClaudeOutputParser parser = new ClaudeOutputParser(Clock.systemUTC());
    say(parser, line, 0, NOBODY);
    long before = LiveHeap.bytes();
    for (int i = 1; i < LINES; i++) {
      say(parser, line, i, NOBODY);
    }
    assertThat(LiveHeap.bytes() - before).isLessThan(MOST_BYTES);
    say(parser, line, LINES, NOBODY);
  }

  @Test
  void aTextIsNotKeptWhenItHasEnded() throws Exception {
    ClaudeOutputParser parser = new ClaudeOutputParser(Clock.systemUTC());
    OutputParser.Sink sink = new Silent();
    say(parser, "{'type':'stream_event','api_message_id':'m','event':{'type':'message_start','message':{'id':'m'}}}", 0, sink);
    long before = LiveHeap.bytes();
    String text = "text ".repeat(4_000);
    for (int i = 0; i < 2_000; i++) {
      say(parser, "{'type':'stream_event','api_message_id':'m','event':{'type':'content_block_start','index':#,'content_block':{'type':'text',"
          + "'text':'" + text + "'}}}", i, sink);
      say(parser, "{'type':'assistant','message':{'id':'m','content':[{'type':'text','text':'" + text + "'}]}}", i, sink);
    }
    assertThat(LiveHeap.bytes() - before).isLessThan(MOST_BYTES);
    say(parser, "{'type':'stream_event','api_message_id':'m','event':{'type':'message_stop'}}", 0, sink);
  }

  private static void say(ClaudeOutputParser parser, String line, int number, OutputParser.Sink sink) {
    byte[] bytes = line.replace('\'', '"').replace("#", Integer.toString(number)).getBytes(StandardCharsets.UTF_8);
    parser.line(bytes, 0, bytes.length, sink);
  }
}
