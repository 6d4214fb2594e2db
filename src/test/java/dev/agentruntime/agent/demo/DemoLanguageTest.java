package dev.agentruntime.agent.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.agent.demo.DemoRequest.Plain;
import dev.agentruntime.agent.demo.DemoRequest.Say;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DemoLanguageTest {

  /** What the help shows: the first words of its lines, up to the explanation. */
  static List<String> shown() {
    return DemoLanguage.HELP.lines().skip(2).filter(line -> !line.isBlank()).map(line -> line.split(" {3,}")[0].strip())
        .flatMap(line -> line.startsWith("crash") ? List.of(line.split(", ")).stream() : List.of(line).stream()).toList();
  }

  @ParameterizedTest
  @MethodSource("shown")
  void everythingThatTheHelpShowsIsUnderstood(String request) {
    assertThat(DemoLanguage.parse(request)).hasSize(1).noneMatch(DemoRequest.Echo.class::isInstance);
  }

  @Test
  void theHelpShowsEveryKindOfRequest() {
    assertThat(shown()).hasSizeGreaterThan(25);
    assertThat(shown().stream().map(request -> DemoLanguage.parse(request).get(0)).map(Object::getClass).distinct())
        .contains(DemoRequest.class.getPermittedSubclasses()[0]).hasSize(DemoRequest.class.getPermittedSubclasses().length - 1);
    assertThat(shown().stream().map(request -> DemoLanguage.parse(request).get(0)).filter(Plain.class::isInstance))
        .containsAll(List.of(Plain.values()));
  }

  @Test
  void requestsAreSeparatedByLinesAndSemicolons() {
    assertThat(DemoLanguage.parse("think; say hi\nwrite a/b.txt: one; delete a/b.txt\n\n")).containsExactly(
        new Say(true, List.of("I ", "think ", "about ", "it, ", "step ", "by ", "step."), 0), new Say(false, List.of("hi"), 0),
        new DemoRequest.Write("a/b.txt", "one"), new DemoRequest.Delete("a/b.txt"));
  }

  @Test
  void quotesKeepSeparators() {
    assertThat(DemoLanguage.parse("say \"a; b\" in 2 deltas every 1 s")).containsExactly(new Say(false, List.of("a;", " b"), 1000));
    assertThat(DemoLanguage.parse("write f: \"x; y\"")).containsExactly(new DemoRequest.Write("f", "x; y"));
  }

  @Test
  void aQuoteThatIsNotClosedKeepsNothing() {
    assertThat(DemoLanguage.parse("say 5\" wide; fail")).containsExactly(new Say(false, List.of("5\" ", "wide"), 0), Plain.FAIL);
  }

  @Test
  void deltasAreNumberedAndHaveTheLengthAskedFor() {
    assertThat(DemoLanguage.parse("Say 3 deltas of 8 bytes every 25 ms"))
        .containsExactly(new Say(false, List.of("word0.. ", "word1.. ", "word2.. "), 25));
  }

  @Test
  void numbersAreCutToWhatASmallProcessCanHold() {
    Say say = (Say) DemoLanguage.parse("say 9999999 deltas of 999999 bytes").get(0);
    assertThat(say.deltas()).hasSize(DemoLanguage.MOST_DELTAS).allMatch(delta -> delta.length() < 20);
    assertThat(DemoLanguage.parse("flood 99999999")).containsExactly(new DemoRequest.Flood(DemoLanguage.MOST_DELTAS));
  }

  @Test
  void aNewLineCanBeWritten() {
    assertThat(DemoLanguage.parse("write f: a\\nb")).containsExactly(new DemoRequest.Write("f", "a\nb"));
  }

  @Test
  void whatIsNotUnderstoodIsKeptTogetherAndDoesNotHideTheRest() {
    assertThat(DemoLanguage.parse("Hello, you; how are you?\nsay hi")).containsExactly(new DemoRequest.Echo("Hello, you; how are you?"),
        new Say(false, List.of("hi"), 0));
  }

  @Test
  void anEmptyMessageAsksForHelp() {
    assertThat(DemoLanguage.parse(" \n")).containsExactly(Plain.HELP);
  }

  @Property
  void everyMessageMeansSomething(@ForAll String message) {
    assertThat(DemoLanguage.parse(message)).isNotEmpty();
  }

  @Property
  void piecesAreTheTextAndCutNoCharacter(@ForAll String text, @ForAll @IntRange(min = 1, max = 50) int count) {
    String quotable = text.replaceAll("[\"\\ud800-\\udfff]", "") + "👍 end";
    Say say = (Say) DemoLanguage.parse("say \"" + quotable + "\" in " + count + " deltas").get(0);
    assertThat(String.join("", say.deltas())).isEqualTo(quotable);
    assertThat(say.deltas().size()).isLessThanOrEqualTo(count);
    assertThat(say.deltas()).noneMatch(piece -> Character.isLowSurrogate(piece.charAt(0)));
  }
}
