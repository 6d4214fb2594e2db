package dev.agentruntime.support;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** The other end of {@link CrashableMain}. Blocking, for tests. */
public final class CrashableServer implements AutoCloseable {

  private static final long PATIENCE_SECONDS = 120;
  private static final String END = "END";
  private static final String ACCEPTED = "ACCEPTED ";
  private static final String REFUSED = "REFUSED ";

  private final Process process;
  private final PrintStream commands;
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final List<String> frames = new ArrayList<>();
  private final Set<String> accepted = new HashSet<>();
  private final Set<String> refused = new HashSet<>();

  /** @param haltAfter what the journal's lines hold after whose storing it dies, or {@code null} */
  public CrashableServer(Path dataDirectory, String haltAfter) {
    this(dataDirectory, haltAfter, Map.of());
  }

  /** @param settings as variables, over those of the tests */
  public CrashableServer(Path dataDirectory, String haltAfter, Map<String, String> settings) {
    this(settings, dataDirectory, haltAfter);
    start();
    awaitReady();
  }

  private CrashableServer(Map<String, String> settings, Path dataDirectory, String haltAfter) {
    List<String> command = JavaProgram.shortLived("-Xmx256m", CrashableMain.class.getName(), dataDirectory.toString());
    if (haltAfter != null) {
      command.add(haltAfter);
    }
    try {
      ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
      builder.environment().keySet().removeIf(CrashableMain::isSetting);
      builder.environment().putAll(settings);
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
    Thread.ofPlatform().daemon().start(this::readAll);
  }

  /** One that only waits for its {@link #start}, most of the way to which is that of any program. @param settings as variables, over those of the tests */
  public static CrashableServer prepared(Path dataDirectory, Map<String, String> settings) {
    return new CrashableServer(settings, dataDirectory, null);
  }

  /** It may not take commands yet. */
  public void start() {
    say("start");
  }

  /** Until it takes commands. */
  public void awaitReady() {
    await(line -> line.equals("READY"));
  }

  private void readAll() {
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        lines.add(line);
      }
    } catch (IOException e) {
      // It was killed.
    }
    lines.add(END);
  }

  public String newSession() {
    return newSession("demo");
  }

  public String newSession(String profile) {
    say("new " + profile);
    return await(line -> line.startsWith("SESSION ")).substring("SESSION ".length());
  }

  /** Everything that happens from now on can be waited for. */
  public void follow(String session) {
    say("follow " + session);
    await(line -> line.startsWith("SNAPSHOT "));
  }

  public void say(String command) {
    commands.println(command);
  }

  /** @return the id of the turn */
  public String send(String session, String messageId, String text) {
    sendOnly(session, messageId, text);
    String answer = await(line -> line.startsWith(ACCEPTED) || line.startsWith(REFUSED));
    if (answer.startsWith(REFUSED)) {
      throw new AssertionError(answer);
    }
    return answer.substring(ACCEPTED.length(), answer.lastIndexOf(' '));
  }

  /** Does not wait for the answer. */
  public void sendOnly(String session, String messageId, String text) {
    say("send " + session + " " + messageId + " " + text);
  }

  /** The ids of the messages that it said it had accepted, as far as it was listened to. */
  public Set<String> accepted() {
    return accepted;
  }

  /** The ids of the messages that it said it would not take, as far as it was listened to. */
  public Set<String> refused() {
    return refused;
  }

  public String awaitFrame(Predicate<String> wanted) {
    return await(line -> line.startsWith("FRAME ") && wanted.test(line));
  }

  /** The frames that came so far, as JSON. */
  public List<String> frames() {
    return frames;
  }

  private String await(Predicate<String> wanted) {
    try {
      while (true) {
        String line = Objects.requireNonNull(lines.poll(PATIENCE_SECONDS, TimeUnit.SECONDS), "nothing came");
        note(line);
        if (wanted.test(line)) {
          return line;
        }
        if (line.equals(END)) {
          throw new AssertionError("the server has ended");
        }
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void note(String line) {
    if (line.startsWith("FRAME ")) {
      frames.add(line.substring("FRAME ".length()));
    } else if (line.startsWith(ACCEPTED)) {
      accepted.add(line.split(" ")[2]);
    } else if (line.startsWith(REFUSED)) {
      refused.add(line.split(" ")[1]);
    }
  }

  public long pid() {
    return process.pid();
  }

  /** As {@code kill -9}. */
  public void kill() {
    process.destroyForcibly();
    awaitEnd();
  }

  /** As {@code kill}. */
  public void terminate() {
    process.destroy();
    awaitEnd();
  }

  /** Waits until it has ended by itself, and takes in the frames that it still told. */
  public void awaitEnd() {
    await(line -> line.equals(END));
    process.onExit().join();
  }

  /** As {@code kill -9}, whatever it has told by then. */
  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
