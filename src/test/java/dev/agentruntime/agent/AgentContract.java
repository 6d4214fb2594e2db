package dev.agentruntime.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.RecordedOutput;
import dev.agentruntime.support.SavedTranscripts;
import io.vertx.core.buffer.Buffer;
import java.time.Clock;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What every {@link AgentArchitecture} keeps, whatever the agent. Prove one by a subclass that gives it and what it once said. */
public abstract class AgentContract {

  private static final int GARBAGE_ROUNDS = 40;
  private static final String MESSAGE = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

  /**
   * Something that the agent once said and saved.
   *
   * @param output its standard output
   * @param transcripts what it saved, by path relative to {@link TranscriptFormat#directory}
   * @param messages how many messages it was sent, all of whose turns ended
   */
  public record Recording(String name, String sessionId, byte[] output, Map<String, Buffer> transcripts, int messages) {
    @Override
    public String toString() {
      return name;
    }
  }

  protected abstract AgentArchitecture architecture();

  /** At least one with tools and one with a subagent, if the agent has those; each shows at least one block. */
  protected abstract List<Recording> recordings();

  /** Options that the agent knows, with values that it takes. */
  protected abstract ObjectNode someOptions();

  private OutputParser parser() {
    return architecture().parser(Clock.systemUTC());
  }

  @Test
  void itsTypeIsAWord() {
    assertThat(architecture().type()).matches("[a-z][a-z0-9-]*");
  }

  @Test
  void knownOptionsAreTaken() {
    architecture().validateOptions(Json.object());
    architecture().validateOptions(someOptions());
  }

  @Test
  void unknownOptionsAreRefusedEachByName() {
    ObjectNode options = someOptions().put("noSuchOption", 1).put("norThis", true);
    assertThatThrownBy(() -> architecture().validateOptions(options)).isInstanceOfSatisfying(ApiException.class, refusal -> {
      assertThat(refusal.code()).isEqualTo(ErrorCode.INVALID_REQUEST);
      assertThat(refusal.details()).extracting(ApiException.Detail::path)
          .containsExactlyInAnyOrder("/sessionOptions/noSuchOption", "/sessionOptions/norThis");
    });
  }

  @Test
  void unchangedOptionsNeedNotBeTold() {
    assertThat(architecture().optionsChanged(someOptions(), someOptions())).isEqualTo(Buffer.buffer());
  }

  @Test
  void whateverAMessageSaysIsOneLine() {
    for (String text : List.of("", "plain", "two\nlines\r\n", "\u2028 \u0000 \" \\ \ud83d\ude00", "}\n{\"type\":\"x\"}")) {
      String line = architecture().message(profile(), MESSAGE, MessageContent.of(text)).toString();
      assertThat(line.indexOf('\n')).as(text).isEqualTo(line.length() - 1);
      assertThat(line).contains(MESSAGE);
    }
  }

  @Test
  void anInterruptIsWholeLines() {
    assertThat(architecture().interrupt().toString()).endsWith("\n");
  }

  @Test
  void outputFoldsByTheRulesOfTheStream() {
    for (Recording recording : recordings()) {
      EventFold fold = new EventFold();
      parsed(recording).events.forEach(fold::apply);
      assertThat(fold.blocks()).as(recording.name()).isNotEmpty();
    }
  }

  @Test
  void everyMessageIsTakenAndItsTurnEnds() {
    for (Recording recording : recordings()) {
      RecordedOutput output = parsed(recording);
      assertThat(output.taken).as(recording.name()).doesNotHaveDuplicates().hasSize(recording.messages());
      assertThat(output.ends.stream().filter(end -> !end.unsolicited())).as(recording.name()).hasSize(recording.messages());
      assertThat(output.ends.stream().filter(OutputParser.TurnEnd::unsolicited)).as(recording.name()).hasSize(output.began);
    }
  }

  @Test
  void outputParsedAgainHasTheSameIds() {
    for (Recording recording : recordings()) {
      assertThat(ids(parsed(recording))).as(recording.name()).isEqualTo(ids(parsed(recording)));
    }
  }

  @Test
  void whatIsSavedHasTheIdsThatItHadLive() {
    int saved = 0;
    for (Recording recording : recordings()) {
      EventFold live = new EventFold();
      parsed(recording).events.forEach(live::apply);
      Set<String> liveIds = new HashSet<>();
      live.blocks().forEach(block -> liveIds.add(block.id()));
      List<String> savedIds = architecture().transcripts().read(recording.sessionId(), SavedTranscripts.of(recording.transcripts())).main().stream()
          .filter(block -> !(block instanceof Block.UserMessage)).map(Block::id).toList();
      assertThat(liveIds).as(recording.name()).containsAll(savedIds);
      saved += savedIds.size();
    }
    assertThat(saved).isPositive();
  }

  @Test
  void rubbishNeverThrows() {
    Random random = new Random(42);
    for (Recording recording : recordings()) {
      byte[] output = recording.output();
      for (int round = 0; round < GARBAGE_ROUNDS; round++) {
        int from = random.nextInt(output.length);
        byte[] broken = Arrays.copyOfRange(output, from, Math.min(output.length, from + 1 + random.nextInt(8_000)));
        for (int i = random.nextInt(20); i > 0; i--) {
          broken[random.nextInt(broken.length)] = (byte) random.nextInt(256);
        }
        new RecordedOutput().parse(parser(), broken);
      }
    }
    new RecordedOutput().parse(parser(), "null\n[]\n7\n\"x\"\n{}\n{\"type\":7}\n\u0000\n   \n{\"type\":");
  }

  @Test
  void aLineThatIsNoneIsHandedOn() {
    RecordedOutput output = new RecordedOutput().parse(parser(), "Segmentation fault\n");
    assertThat(output.unknown).singleElement().asString().contains("Segmentation fault");
    assertThat(output.events).isEmpty();
  }

  @Test
  void theTranscriptsOfASessionAreItsOwn() {
    TranscriptFormat format = architecture().transcripts();
    for (Recording recording : recordings()) {
      String other = "00000000-0000-4000-8000-000000000000";
      assertThat(recording.transcripts().keySet()).allMatch(path -> format.belongs(recording.sessionId(), path))
          .noneMatch(path -> format.belongs(other, path));
      assertThat(format.resumable(recording.sessionId(), recording.transcripts().keySet())).isTrue();
      assertThat(format.resumable(recording.sessionId(), Set.of())).isFalse();
      assertThat(format.directory(recording.sessionId(), "/workspace")).doesNotStartWith("/").doesNotContain("..");
    }
  }

  @Test
  void aTranscriptCutOffAnywhereIsReadAsFarAsItGoes() {
    TranscriptFormat format = architecture().transcripts();
    for (Recording recording : recordings()) {
      int whole = format.read(recording.sessionId(), SavedTranscripts.of(recording.transcripts())).main().size();
      Map<String, Buffer> cut = new HashMap<>(recording.transcripts());
      cut.replaceAll((path, content) -> content.slice(0, content.length() / 2));
      assertThat(format.read(recording.sessionId(), SavedTranscripts.of(cut)).main()).hasSizeLessThanOrEqualTo(whole);
      cut.replaceAll((path, content) -> Buffer.buffer("rubbish\n\n{\"type\":\"assistant\"}\nnull\n[1]\n"));
      assertThat(format.read(recording.sessionId(), SavedTranscripts.of(cut)).main()).isEmpty();
      assertThat(format.read(recording.sessionId(), Map.of()).main()).isEmpty();
    }
  }

  private RecordedOutput parsed(Recording recording) {
    return new RecordedOutput().parse(parser(), recording.output());
  }

  private static List<String> ids(RecordedOutput output) {
    return output.events.stream().filter(SessionEvent.BlockStart.class::isInstance)
        .map(event -> ((SessionEvent.BlockStart) event).blockId()).toList();
  }

  /** A profile without anything. */
  protected AgentProfile profile() {
    return new AgentProfile("plain", "Plain", null, architecture().type(), null, null, null, null, null, null, null, null, null, null,
        null, null, null, null, null);
  }
}
