package dev.agentruntime.persistence;

import dev.agentruntime.AgentRuntime;
import dev.agentruntime.config.SettingsLoader;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.JavaProgram;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * A process that saves to a store without end, until it is killed or a save fails, and prints each save once it is complete:
 * {@code transcript|file <session> <round>}. {@link SavedByProcesses} looks whether all of them are there.
 */
public final class SavingProcess implements AutoCloseable {

  public static final int SESSIONS = 8;

  /** Rounds from one file to the next. */
  static final int FILE_EVERY = 20;

  private final Process process;
  private final BufferedReader lines;

  private SavingProcess(Process process) {
    this.process = process;
    this.lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /**
   * @param store the settings that name it, as variables
   * @param pauseMs after each save, so as to leave the store to others now and then: a lock need not be fair
   */
  public static SavingProcess start(Map<String, String> store, int pauseMs) throws IOException {
    return start(store, pauseMs, 0);
  }

  /** @param maxFileKilobytes what a file may grow to, or 0 for no limit */
  public static SavingProcess start(Map<String, String> store, int pauseMs, int maxFileKilobytes) throws IOException {
    List<String> command = JavaProgram.shortLived("-Xmx256m", SavingProcess.class.getName(), Integer.toString(pauseMs));
    if (maxFileKilobytes > 0) {
      command.addAll(0, List.of("bash", "-c", "ulimit -f " + maxFileKilobytes + "; exec \"$@\"", "limited"));
    }
    ProcessBuilder builder = new ProcessBuilder(command)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .redirectInput(new File("/dev/null"));
    builder.environment().putAll(store);
    return new SavingProcess(builder.start());
  }

  /** What was printed next, log lines aside. @return {@code null} at the end */
  public String nextLine() throws IOException {
    String line = lines.readLine();
    while (line != null && !line.matches("(transcript|file|failed) .*")) {
      line = lines.readLine();
    }
    return line;
  }

  /** As {@code kill -9} does. @return what was printed up to the end */
  public List<String> kill() throws IOException, InterruptedException {
    // Not by Process.destroyForcibly(), which throws away what was printed and not read yet.
    process.toHandle().destroyForcibly();
    List<String> rest = new ArrayList<>();
    for (String line = nextLine(); line != null; line = nextLine()) {
      rest.add(line);
    }
    process.waitFor();
    return rest;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  /** What a session's round appends to its transcript: of changing length, and telling where it belongs. */
  static Buffer line(String session, int round) {
    return Buffer.buffer("%s %06d %s%n".formatted(session, round, "x".repeat(round * 37 % 2_000)));
  }

  static Buffer file(String session, int round) {
    return Buffer.buffer((session + " " + round + ";").repeat(5_000));
  }

  static String path(int round) {
    return "file-" + round / FILE_EVERY % 5;
  }

  public static void main(String[] arguments) {
    Vertx vertx = Vertx.vertx();
    PersistenceAdapter store = AgentRuntime.persistence(vertx, SettingsLoader.load(System.getenv()));
    int pauseMs = Integer.parseInt(arguments[0]);
    Supplier<Future<?>> pause = () -> pauseMs == 0 ? Future.succeededFuture() : vertx.timer(pauseMs);
    store.start().onFailure(SavingProcess::fail).onSuccess(started -> {
      for (int i = 0; i < SESSIONS; i++) {
        String id = UUID.randomUUID().toString();
        store.createSessionRecord(new SessionRecord(id, "t", "p", null, 1, 1, Json.object(), null, null), "epoch")
            .compose(created -> save(store, pause, id, 0, 0))
            .onFailure(SavingProcess::fail);
      }
    });
  }

  private static Future<Void> save(PersistenceAdapter store, Supplier<Future<?>> pause, String id, int round, long length) {
    Buffer line = line(id, round);
    return store.saveTranscript(id, "epoch", "t", length, line).compose(saved -> {
      say("transcript " + id + " " + round);
      return round % FILE_EVERY != 0 ? Future.succeededFuture()
          : store.saveWorkspaceFile(id, "epoch", path(round), round, file(id, round)).onSuccess(done -> say("file " + id + " " + round));
    }).compose(saved -> pause.get()).compose(paused -> save(store, pause, id, round + 1, length + line.length()));
  }

  /** In one write, so that a line is there whole or not at all. */
  private static synchronized void say(String line) {
    System.out.print(line + "\n");
    System.out.flush();
  }

  private static synchronized void fail(Throwable failure) {
    say("failed " + failure.getClass().getSimpleName() + " " + failure.getMessage());
    Runtime.getRuntime().halt(1);
  }
}
