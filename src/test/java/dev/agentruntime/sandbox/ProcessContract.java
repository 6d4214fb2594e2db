package dev.agentruntime.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxProcess.Signal;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Processes: what {@link SandboxProcess} and the process methods of {@link Sandbox} promise. */
abstract class ProcessContract extends SandboxFixture {

  @Test
  void runsInTheWorkspaceWithItsHome() throws Exception {
    SandboxProcess process = start("pwd -P; echo $HOME");
    assertThat(read(process).lines()).hasSize(2).last().isEqualTo(sandbox.home());
    assertThat(run("[ \"$(pwd -P)\" = \"$(cd '" + sandbox.workspace() + "' && pwd -P)\" ]").exitCode()).isZero();
    assertThat(sandbox.home()).startsWith("/");
    assertThat(sandbox.workspace()).startsWith("/");
  }

  @Test
  void givesTheEnvironmentOfTheSpecOverItsOwn() throws Exception {
    ProcessSpec spec = new ProcessSpec(List.of("/bin/sh", "-c", "printf '%s' \"$HOME $SECRET\""), Map.of("HOME", "/mine", "SECRET", "a b\"ä"));
    assertThat(read(await(sandbox.start(spec)))).isEqualTo("/mine a b\"ä");
  }

  @Test
  void passesArgumentsAsTheyAre() throws Exception {
    List<String> command = List.of("/usr/bin/printf", "%s|", "a b", "$HOME", "'\"\\", "", "*", "-n");
    assertThat(read(await(sandbox.start(new ProcessSpec(command, Map.of()))))).isEqualTo("a b|$HOME|'\"\\||*|-n|");
  }

  @Test
  void hasIdsThatAreUnique() throws Exception {
    assertThat(start("true").id()).isNotEqualTo(start("true").id());
  }

  @Test
  void startsUnderTheIdThatItIsGiven() throws Exception {
    String id = Sandbox.newProcessId();
    assertFails(sandbox.attach(id), Kind.GONE);
    SandboxProcess process = await(sandbox.start(id, shell("echo up; exec sleep 60"), List.of()));
    assertThat(process.id()).isEqualTo(id);
    sandbox = restart();
    Output output = new Output();
    await(sandbox.attach(id)).readStdout(0, output);
    output.awaitText("up");
  }

  @Test
  void startsWithFilesThatAreThereBefore() throws Exception {
    SandboxProcess process = await(sandbox.start(Sandbox.newProcessId(), shell("cat a/b c"), List.of(file("a/b", "1"), file("c", "2"))));
    assertThat(read(process)).isEqualTo("12");
    assertFails(sandbox.start(Sandbox.newProcessId(), shell("echo never >ran"), List.of(file("", "x"))), Kind.FORBIDDEN_PATH);
    assertThat(list()).containsExactly("a/b", "c");
  }

  @Test
  void followsTheOutputAsItIsWritten() throws Exception {
    SandboxProcess process = start("echo one; read line; echo $line; read line; echo $line");
    Output output = new Output();
    Future<Void> done = process.readStdout(0, output);
    output.awaitText("one\n");
    await(process.writeStdin(Buffer.buffer("two\n")));
    output.awaitText("two\n");
    assertThat(done.isComplete()).isFalse();
    await(process.writeStdin(Buffer.buffer("three\n")));
    await(done);
    assertThat(output.text()).isEqualTo("one\ntwo\nthree\n");
  }

  @Test
  void readsFromAnyByteOn() throws Exception {
    SandboxProcess process = start("printf 0123456789");
    await(process.exit());
    Output output = new Output();
    await(process.readStdout(7, output));
    assertThat(output.text()).isEqualTo("789");
    await(process.readStdout(10, output));
    assertThat(output.text()).isEqualTo("789");
  }

  @Test
  void readsOnlyWhenTheLastChunkIsConsumed() throws Exception {
    SandboxProcess process = start("for i in 1 2 3 4 5; do head -c 400000 /dev/zero; read line; done");
    Output output = new Output();
    Promise<Void> hold = output.hold();
    Future<Void> done = process.readStdout(0, output);
    output.await(text -> !text.isEmpty());
    for (int i = 0; i < 5; i++) {
      await(process.writeStdin(Buffer.buffer("\n")));
    }
    await(process.exit());
    assertThat(output.chunks()).isEqualTo(1);
    assertThat(done.isComplete()).isFalse();
    output.release();
    hold.complete();
    await(done);
    assertThat(output.length()).isEqualTo(2_000_000);
    assertThat(output.largestChunk()).isLessThanOrEqualTo(256 * 1024);
  }

  @Test
  void aChunkStaysAsItIsUntilItIsConsumed() throws Exception {
    SandboxProcess process = start("i=0; while [ $i -lt 60 ]; do i=$((i + 1)); printf '%020000d\n' $i; done");
    await(process.exit());
    List<String> chunks = new ArrayList<>();
    await(process.readStdout(0, chunk -> {
      String whenItCame = chunk.toString();
      Promise<Void> consumed = Promise.promise();
      process.stderrTail(1).onComplete(later -> {
        chunks.add(chunk.toString().equals(whenItCame) ? whenItCame : "something else");
        consumed.complete();
      });
      return consumed.future();
    }));
    String expected = IntStream.rangeClosed(1, 60).mapToObj("%020000d\n"::formatted).collect(Collectors.joining());
    assertThat(String.join("", chunks)).isEqualTo(expected);
  }

  @Test
  void endsReadingWhenTheConsumerFails() throws Exception {
    SandboxProcess process = start("echo one; exec sleep 60");
    List<Buffer> chunks = new ArrayList<>();
    Future<Void> done = process.readStdout(0, chunk -> {
      chunks.add(chunk);
      return Future.failedFuture(new IllegalStateException("enough"));
    });
    assertThatThrownBy(() -> await(done)).isInstanceOf(IllegalStateException.class).hasMessage("enough");
    assertThat(chunks).hasSize(1);
    assertThatThrownBy(() -> await(process.readStdout(0, chunk -> {
      throw new IllegalStateException("thrown");
    }))).isInstanceOf(IllegalStateException.class).hasMessage("thrown");
    assertThat(process.exit().isComplete()).isFalse();
  }

  @Test
  void hasOneReaderAtATime() throws Exception {
    SandboxProcess process = start("echo one; exec sleep 60");
    Output first = new Output();
    process.readStdout(0, first);
    first.awaitText("one");
    assertFails(process.readStdout(0, new Output()), Kind.FAILED);
  }

  @Test
  void stopsReadingAndLeavesTheProcess() throws Exception {
    SandboxProcess process = start("while read line; do echo $line; done");
    Output before = new Output();
    Future<Void> done = process.readStdout(0, before);
    await(process.writeStdin(Buffer.buffer("one\n")));
    before.awaitText("one\n");
    process.stopReading();
    await(done);
    await(process.writeStdin(Buffer.buffer("two\n")));
    Output after = new Output();
    process.readStdout(4, after);
    assertThat(after.awaitText("two\n")).isEqualTo("two\n");
    assertThat(before.text()).isEqualTo("one\n");
  }

  @Test
  void mayBeStoppedByTheConsumer() throws Exception {
    SandboxProcess process = start("echo one; exec sleep 60");
    List<Buffer> chunks = new ArrayList<>();
    await(process.readStdout(0, chunk -> {
      chunks.add(chunk);
      process.stopReading();
      return Future.succeededFuture();
    }));
    assertThat(chunks).hasSize(1);
  }

  @Test
  void deliversAllThatWasWrittenBeforeTheEnd() throws Exception {
    for (int i = 0; i < 10; i++) {
      SandboxProcess process = start("head -c 300000 /dev/zero; echo end");
      Output output = new Output();
      Future<Void> done = process.readStdout(0, output);
      assertThat(await(process.exit())).isZero();
      await(done);
      assertThat(output.length()).isEqualTo(300_004);
    }
  }

  @Test
  void givesTheLastOfStandardError() throws Exception {
    SandboxProcess process = start("echo out; echo first >&2; echo last >&2");
    await(process.exit());
    assertThat(await(process.stderrTail(5))).isEqualTo("last\n");
    assertThat(await(process.stderrTail(1000))).isEqualTo("first\nlast\n");
    assertThat(read(process)).isEqualTo("out\n");
  }

  @Test
  void writesInTheOrderOfTheCalls() throws Exception {
    SandboxProcess process = start("head -n 500");
    StringBuilder expected = new StringBuilder();
    List<Future<Void>> written = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      expected.append("line ").append(i).append('\n');
      written.add(process.writeStdin(Buffer.buffer("line " + i + "\n")));
    }
    await(Future.all(written));
    assertThat(read(process)).isEqualTo(expected.toString());
  }

  @Test
  void takesMessagesOfMegabytes() throws Exception {
    SandboxProcess process = start("head -n 1 | wc -c");
    byte[] line = new byte[3_000_000];
    java.util.Arrays.fill(line, (byte) 'x');
    line[line.length - 1] = '\n';
    await(process.writeStdin(Buffer.buffer(line)));
    assertThat(read(process).strip()).isEqualTo("3000000");
  }

  @Test
  void isNotHeldUpByAProcessThatDoesNotRead() throws Exception {
    SandboxProcess deaf = start("exec sleep 60");
    Future<Void> first = deaf.writeStdin(Buffer.buffer(new byte[1_000_000]));
    Future<Void> second = deaf.writeStdin(Buffer.buffer("more\n"));
    SandboxProcess other = start("read line; echo $line");
    await(other.writeStdin(Buffer.buffer("heard\n")));
    assertThat(read(other)).isEqualTo("heard\n");
    assertThat(first.isComplete()).isFalse();
    await(deaf.signal(Signal.KILL));
    assertFails(first, Kind.GONE);
    assertFails(second, Kind.GONE);
    assertFails(deaf.writeStdin(Buffer.buffer("more\n")), Kind.GONE);
  }

  @Test
  void tellsTheExitCode() throws Exception {
    assertThat(await(start("exit 7").exit())).isEqualTo(7);
    assertThat(await(start("exec true").exit())).isZero();
  }

  @Test
  void tellsOfACommandThatIsNotThere() throws Exception {
    SandboxProcess process = await(sandbox.start(new ProcessSpec(List.of("no-such-command-anywhere"), Map.of())));
    assertThat(await(process.exit())).isIn(126, 127);
    assertThat(await(process.stderrTail(1000))).contains("no-such-command-anywhere");
  }

  @ParameterizedTest
  @CsvSource({"INT, 130", "TERM, 143", "KILL, 137"})
  void endsByASignal(Signal signal, int code) throws Exception {
    SandboxProcess process = start("echo up; exec sleep 60");
    Output output = new Output();
    Future<Void> done = process.readStdout(0, output);
    output.awaitText("up");
    await(process.signal(signal));
    assertThat(await(process.exit())).isEqualTo(code);
    await(done);
    await(process.signal(signal));
  }

  @Test
  void endsWhenKilledAtOnce() throws Exception {
    SandboxProcess process = start("exec sleep 60");
    await(process.signal(Signal.KILL));
    assertThat(await(process.exit())).isEqualTo(137);
  }

  @Test
  void letsAProcessHandleASignal() throws Exception {
    SandboxProcess process = start("trap 'echo caught; exit 3' INT; echo up; while :; do sleep 0.1; done");
    Output output = new Output();
    process.readStdout(0, output);
    output.awaitText("up");
    await(process.signal(Signal.INT));
    output.awaitText("caught");
    assertThat(await(process.exit())).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource({"TERM", "KILL"})
  void signalsEverythingThatTheProcessStarted(Signal signal) throws Exception {
    SandboxProcess process = start("sleep 600 & echo $!; (sleep 601 & echo $!); sleep 602 | sleep 603 & echo $! up; wait");
    Output output = new Output();
    process.readStdout(0, output);
    List<String> pids = output.awaitText("up").replace(" up", "").lines().toList();
    await(process.signal(signal));
    await(process.exit());
    for (String pid : pids) {
      awaitGone(pid);
    }
  }

  @Test
  void leavesNothingBehindWhenAProcessEnds() throws Exception {
    SandboxProcess process = start("sleep 600 & echo $!");
    String pid = read(process).strip();
    assertThat(await(process.exit())).isZero();
    awaitGone(pid);
  }

  @Test
  void runsACommandToItsEnd() throws Exception {
    Sandbox.Completed completed = run("echo out; echo err >&2; exit 5");
    assertThat(completed).isEqualTo(new Sandbox.Completed(5, "out\n", "err\n"));
  }

  @Test
  void runsWithNothingToRead() throws Exception {
    assertThat(run("cat; echo end").stdout()).isEqualTo("end\n");
  }

  @Test
  void keepsTheLastOfALongOutput() throws Exception {
    Sandbox.Completed completed = run("head -c 200000 /dev/zero; echo out; head -c 200000 /dev/zero >&2; echo err >&2");
    assertThat(completed.stdout()).hasSize(64 * 1024).endsWith("out\n");
    assertThat(completed.stderr()).hasSize(64 * 1024).endsWith("err\n");
  }

  @Test
  void killsACommandAfterItsTime() throws Exception {
    Sandbox.Completed completed = await(sandbox.run(shell("echo started; sleep 600 & echo $!; wait"), Duration.ofSeconds(3)));
    assertThat(completed.exitCode()).isEqualTo(137);
    List<String> lines = completed.stdout().lines().toList();
    assertThat(lines).first().isEqualTo("started");
    awaitGone(lines.get(1));
  }

  @Test
  void attachesToAProcessThatGoesOn() throws Exception {
    SandboxProcess process = start("while read line; do echo $line; done");
    Output before = new Output();
    process.readStdout(0, before);
    await(process.writeStdin(Buffer.buffer("one\n")));
    before.awaitText("one\n");
    sandbox = restart();
    SandboxProcess again = await(sandbox.attach(process.id()));
    assertThat(again.id()).isEqualTo(process.id());
    Output after = new Output();
    again.readStdout(before.length(), after);
    await(again.writeStdin(Buffer.buffer("two\n")));
    assertThat(after.awaitText("two\n")).isEqualTo("two\n");
    await(again.signal(Signal.TERM));
    assertThat(await(again.exit())).isEqualTo(143);
  }

  @Test
  void attachesToAProcessThatHasEnded() throws Exception {
    SandboxProcess process = start("printf 0123456789; echo problem >&2; exit 4");
    await(process.exit());
    sandbox = restart();
    SandboxProcess again = await(sandbox.attach(process.id()));
    Output rest = new Output();
    await(again.readStdout(6, rest));
    assertThat(rest.text()).isEqualTo("6789");
    assertThat(await(again.exit())).isEqualTo(4);
    assertThat(await(again.stderrTail(100))).isEqualTo("problem\n");
    assertFails(again.writeStdin(Buffer.buffer("x\n")), Kind.GONE);
  }

  @Test
  void doesNotAttachToWhatWasNeverThere() {
    assertFails(sandbox.attach("nothing"), Kind.GONE);
    assertFails(sandbox.attach("0123456789abcdef0123"), Kind.GONE);
    assertFails(sandbox.attach("../../proc"), Kind.GONE);
  }
}
