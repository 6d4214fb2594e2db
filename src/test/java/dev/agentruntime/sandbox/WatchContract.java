package dev.agentruntime.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.Sandbox.FileHint;
import io.vertx.core.Handler;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Changes of the workspace: what {@link Sandbox#watch} promises. A process is kept alive, since only processes change files unasked. */
abstract class WatchContract extends FilesContract {

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "echo x >new                             | new",
    "echo x >>old                            | old",
    "rm old                                  | old",
    "mv old moved                            | moved",
    "mv old moved                            | old",
    "mkdir -p a/b/c; echo x >a/b/c/new       | a/b/c/new",
    "echo x >folder/new                      | folder/new",
    "chmod +x folder/file                    | folder/file",
    "mv folder other                         | other/file",
    "mv folder other                         | folder/file",
    "rm -r folder                            | folder/file",
    "mv folder other; echo x >other/new      | other/new",
    "cp -r folder copy                       | copy/file",
    "ln -s old link                          | link",
    "echo x >.tmp; mv .tmp old               | old"})
  void tellsOfChanges(String script, String path) throws Exception {
    write("old", "x");
    write("folder/file", "x");
    Hints hints = watch();
    run(script);
    hints.await(path);
  }

  @Test
  void tellsOfChangesInFoldersThatCameLater() throws Exception {
    Hints hints = watch();
    run("mkdir a");
    run("mkdir a/b");
    run("echo x >a/b/c");
    hints.await("a/b/c");
    run("mv a z");
    hints.await("z/b/c");
    run("echo y >z/b/d");
    hints.await("z/b/d");
  }

  @Test
  void tellsOfWrittenFilesToo() throws Exception {
    Hints hints = watch();
    write("a/b", "x");
    hints.await("a/b");
  }

  @Test
  void doesNotTellOfIgnoredNames() throws Exception {
    Hints hints = watch();
    run("mkdir -p .git a/node_modules/b; echo x >.git/HEAD; echo x >a/node_modules/b/c; echo x >end");
    hints.await("end");
    assertThat(hints.seen).noneMatch(path -> path.contains(".git") || path.contains("node_modules"));
  }

  @Test
  void tellsOfThousandsOfChanges() throws Exception {
    Hints hints = watch();
    run("mkdir d; i=0; while [ $i -lt 3000 ]; do : >d/$i; i=$((i+1)); done; echo x >d/last");
    hints.await("d/last");
  }

  @Test
  void goesOnAfterARestart() throws Exception {
    write("folder/file", "x");
    watch();
    sandbox = restart();
    Hints hints = watch();
    run("echo x >folder/new");
    hints.await("folder/new");
  }

  /** Begins to watch, and waits until that is so: beginning takes its time. */
  private Hints watch() throws Exception {
    start("exec sleep 600");
    Hints hints = new Hints();
    sandbox.watch(hints);
    for (int i = 0; ; i++) {
      write("probe", "probe " + i);
      if (hints.any()) {
        return hints;
      }
      assertThat(i).as("attempts to see a change").isLessThan((int) PATIENCE_SECONDS * 5);
    }
  }

  private static final class Hints implements Handler<FileHint> {

    private final BlockingQueue<FileHint> hints = new LinkedBlockingQueue<>();
    private final List<String> seen = new java.util.concurrent.CopyOnWriteArrayList<>();

    @Override
    public void handle(FileHint hint) {
      seen.add(hint.path());
      hints.add(hint);
    }

    boolean any() throws InterruptedException {
      boolean any = hints.poll(200, TimeUnit.MILLISECONDS) != null;
      hints.clear();
      return any;
    }

    /** Waits for a hint of this file, or of anything. */
    void await(String path) throws InterruptedException {
      FileHint hint;
      do {
        hint = hints.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertThat(hint).as("a hint of %s; there were %s", path, seen).isNotNull();
      } while (!hint.path().equals(path) && !hint.path().isEmpty());
    }
  }
}
