package dev.agentruntime.support;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.session.EventLog;
import dev.agentruntime.session.Joined;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A runtime in a process of its own, to be killed. Starts at the first line that it is given. From then on it takes commands as lines
 * ({@code new <profile>}, {@code follow <session>}, {@code send <session> <messageId> <text>}) and prints what comes of them.
 */
public final class CrashableMain {

  private static final int HALTED = 99;
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  /** A frame that has it is the last that is told, or {@code null}. */
  private static volatile String lastWord;

  private CrashableMain() {}

  /** @param arguments the data directory; a mark in a journal's lines whose storing is the end, or nothing */
  public static void main(String[] arguments) {
    try {
      serve(arguments);
    } catch (Throwable e) {
      e.printStackTrace();
    }
    // Whatever else still runs: nobody would end it.
    Runtime.getRuntime().halt(HALTED);
  }

  private static void serve(String[] arguments) throws Exception {
    String mark = arguments.length > 1 ? arguments[1] : null;
    Map<String, String> settings = new HashMap<>(System.getenv());
    settings.keySet().removeIf(name -> !isSetting(name));
    TestRuntime runtime = TestRuntime.create(Vertx.vertx(), Path.of(arguments[0]), settings, store -> mark == null ? store : halting(store, mark));
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    if (commands.readLine() == null) {
      return;
    }
    TestRuntime.await(runtime.runtime.start());
    Runtime.getRuntime().addShutdownHook(new Thread(runtime::close));
    say("READY");
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] words = line.split(" ", 4);
      switch (words[0]) {
        case "new" -> say("SESSION " + runtime.newSession(words[1]));
        case "die-once-told" -> lastWord = words[1];
        case "follow" -> follow(TestRuntime.await(runtime.sessions().join(words[1], null)));
        default -> runtime.sessions().message(words[1], new SendMessage(MessageContent.of(words[3]), words[2], null))
            .onSuccess(accepted -> say("ACCEPTED " + accepted.turnId() + " " + words[2]))
            .onFailure(e -> say("REFUSED " + words[2] + " " + e.getMessage()));
      }
    }
  }

  static boolean isSetting(String variable) {
    return variable.startsWith("AGENT_RUNTIME_") || variable.startsWith("ANTHROPIC_") || variable.startsWith("MODAL_");
  }

  private static void follow(Joined joined) {
    say("SNAPSHOT " + new String(joined.snapshot(), StandardCharsets.UTF_8));
    EventLog log = joined.log();
    long[] seq = {joined.seq()};
    Runnable reader = () -> {
      synchronized (seq) {
        List<Frame> frames = new ArrayList<>();
        log.read(seq[0], Integer.MAX_VALUE, frames);
        for (Frame frame : frames) {
          seq[0] = frame.seq();
          String told = new String(frame.json(), StandardCharsets.UTF_8);
          say("FRAME " + told);
          if (lastWord != null && told.contains(lastWord)) {
            Runtime.getRuntime().halt(HALTED);
          }
        }
      }
    };
    log.subscribe(reader);
    reader.run();
  }

  private static synchronized void say(String line) {
    OUT.println(line);
  }

  /** A store that dies, with everything, right after it has stored a certain line. */
  private static PersistenceAdapter halting(PersistenceAdapter store, String mark) {
    return Intercepted.of(PersistenceAdapter.class, store, (method, arguments, real) -> {
      Object answer = real.get();
      boolean last = method.getName().equals("saveTranscript") && ((Buffer) arguments[4]).toString().contains(mark);
      return last ? ((Future<?>) answer).onSuccess(v -> Runtime.getRuntime().halt(HALTED)) : answer;
    });
  }
}
