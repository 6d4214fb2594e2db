package dev.agentruntime.sandbox.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.agentruntime.sandbox.local.DirectoryWatch.Change;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class LookoutTest {

  private static final int FLOOD = 256 * 1024;
  private static final long PATIENCE_SECONDS = 60;

  @TempDir
  Path root;

  private final Workers workers = new Workers(LocalSandboxOptions.defaults());
  private final LinkedBlockingQueue<String> events = new LinkedBlockingQueue<>();
  private final Semaphore looksAtOutput = new Semaphore(0);
  private final Semaphore looksAtAll = new Semaphore(0);
  private DirectoryWatch watch;
  private Lookout lookout;
  private volatile boolean pouring;

  private final DirectoryWatch.Listener listener = new DirectoryWatch.Listener() {
    @Override
    public void changed(Path name, Change change) {
      events.add(name.toString());
    }

    @Override
    public void missed() {
      events.add("missed");
    }
  };

  private void start(boolean withEvents) throws IOException {
    Path directory = Files.createDirectory(root.resolve("process"));
    watch = DirectoryWatch.open(root, withEvents);
    lookout = new Lookout(watch, workers, directory, listener, 1, this::lookAtOutput, looksAtAll::release);
    lookout.start();
  }

  private void lookAtOutput() {
    if (pouring) {
      lookout.seen(1);
    }
    looksAtOutput.release();
  }

  @AfterEach
  void close() {
    lookout.stop();
    watch.close();
    workers.close();
  }

  private void write(String name) throws IOException {
    Files.writeString(root.resolve("process").resolve(name), "");
  }

  private static void await(Semaphore looks) throws InterruptedException {
    assertThat(looks.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
  }

  private String event() throws InterruptedException {
    return events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  @Test
  void looksWhenThereIsAnEvent() throws Exception {
    start(true);
    lookout.seen(FLOOD - 1);
    assertThat(lookout.looksOften()).isFalse();
    write("out");
    assertThat(event()).isEqualTo("out");
    assertThat(looksAtOutput.availablePermits() + looksAtAll.availablePermits()).isZero();
  }

  @Test
  void looksOftenWhileOutputPoursInAndThenAgainWhenThereIsAnEvent() throws Exception {
    start(true);
    pouring = true;
    lookout.seen(FLOOD);
    assertThat(lookout.looksOften()).isTrue();
    for (int i = 0; i < 100; i++) {
      await(looksAtOutput);
    }
    assertThat(looksAtAll.availablePermits()).isZero();
    pouring = false;
    await(looksAtAll);
    assertThat(lookout.looksOften()).isFalse();
    write("exit");
    assertThat(event()).isEqualTo("exit");
    lookout.seen(FLOOD);
    assertThat(lookout.looksOften()).as("a second flood").isTrue();
  }

  @Test
  void isNotToldOfEventsWhileItLooksOften() throws Exception {
    start(true);
    pouring = true;
    lookout.seen(FLOOD);
    write("during");
    pouring = false;
    await(looksAtAll);
    write("after");
    assertThat(event()).isEqualTo("after");
  }

  @Test
  void looksAtTheUsualPaceWhereThereAreNoEvents() throws Exception {
    start(false);
    await(looksAtAll);
    lookout.seen(FLOOD);
    assertThat(lookout.looksOften()).isFalse();
    await(looksAtAll);
  }

  @Test
  void stopsInTheMidstOfAFlood() throws Exception {
    start(true);
    lookout.seen(FLOOD);
    lookout.stop();
    assertThat(lookout.looksOften()).isFalse();
    lookout.start();
    lookout.seen(FLOOD);
    assertThat(lookout.looksOften()).as("nor begins again").isFalse();
  }

  @Test
  void leavesTheRestToTheNextProviderWhenThisOneIsClosed() throws Exception {
    start(true);
    workers.close();
    assertThatCode(() -> lookout.seen(FLOOD)).doesNotThrowAnyException();
  }
}
