package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import com.fasterxml.jackson.core.JsonFactory;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The demo agent's process. Takes Claude Code's command line: {@code --session-id}, {@code --resume} and {@code --model} are used, all
 * else is accepted. Reads lines from stdin as Claude Code does ({@code user}, {@code control_request}, {@code keep_alive}; a line that is
 * not one of these ends the process) and answers on stdout; {@link DemoLanguage} says how to talk to it.
 *
 * <p>The end of stdin ends the process after the turns that wait: with 0, or 1 if the last turn failed.
 */
public final class DemoAgent {

  /** The exit code of a crash that was asked for. */
  static final int CRASHED = 70;

  static final List<String> JVM_OPTIONS = List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData",
      "-Xms8m", "-Xmx160m", "-Xss512k", "-Xlog:disable", "-Xlog:all=error:stderr");

  private final Map<String, String> options;
  private DemoSession session;
  private Thread turns;
  private boolean turnRuns;

  private DemoAgent(Map<String, String> options) {
    this.options = options;
  }

  /**
   * The executable and its first arguments, to which Claude Code's are added: this JVM's own {@code java}, with the little class path that
   * the demo agent needs, and sized to be one of many.
   */
  public static List<String> command() {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    String executable = Files.isExecutable(java) ? java.toString() : ProcessHandle.current().info().command().orElse("java");
    List<String> command = new ArrayList<>(List.of(executable));
    command.addAll(JVM_OPTIONS);
    command.addAll(List.of("-cp", classPath(), DemoAgent.class.getName()));
    return command;
  }

  private static String classPath() {
    Set<String> parts = new LinkedHashSet<>();
    for (Class<?> type : List.of(DemoAgent.class, JsonFactory.class)) {
      CodeSource source = type.getProtectionDomain().getCodeSource();
      try {
        parts.add(Path.of(source.getLocation().toURI()).toString());
      } catch (URISyntaxException | IllegalArgumentException | NullPointerException e) {
        return System.getProperty("java.class.path");
      }
    }
    return String.join(File.pathSeparator, parts);
  }

  /** Runs until stdin ends. */
  public static void main(String[] arguments) throws Exception {
    System.exit(new DemoAgent(DemoOptions.parse(arguments)).run(System.in));
  }

  private int run(InputStream in) throws IOException, InterruptedException {
    if (!open()) {
      return 1;
    }
    turns = new Thread(this::runTurns, "turns");
    turns.start();
    int code = read(in);
    if (code >= 0) {
      return code;
    }
    session.turns.add(DemoTurn.last(session));
    turns.join();
    return session.failed ? 1 : 0;
  }

  private boolean open() throws IOException {
    String resume = options.get("--resume");
    String id = resume != null ? resume : options.getOrDefault("--session-id", DemoIds.uuid());
    Path workspace = Path.of("").toAbsolutePath();
    String configured = System.getenv("CLAUDE_CONFIG_DIR");
    Path configDir = configured != null ? Path.of(configured) : Path.of(System.getProperty("user.home"), ".claude");
    DemoTranscript transcript = DemoTranscript.of(configDir, workspace.toString(), id);
    var out = new DemoOutput(new FileOutputStream(FileDescriptor.out), id);
    session = new DemoSession(id, workspace, options.getOrDefault("--model", "demo"), out, transcript);
    if (resume == null && transcript.exists()) {
      System.err.println("Error: Session ID " + id + " is already in use.");
      return false;
    } else if (resume != null && !transcript.exists()) {
      String why = "No conversation found with session ID: " + id;
      System.err.println(why);
      out.line(object("type", "result", "subtype", "error_during_execution", "is_error", true, "duration_ms", 0, "num_turns", 0,
          "total_cost_usd", 0.0, "usage", new DemoUsage().usage(), "errors", List.of(why)));
      out.flush();
      return false;
    }
    if (resume != null) {
      DemoTranscript.Remembered remembered = transcript.read();
      session.userTexts.addAll(remembered.userTexts());
      session.total.add(remembered.used());
    }
    return true;
  }

  private void runTurns() {
    try {
      for (DemoTurn turn = session.turns.take(); !turn.isLast(); turn = session.turns.take()) {
        synchronized (this) {
          turnRuns = true;
        }
        turn.run();
        synchronized (this) {
          turnRuns = false;
          Thread.interrupted();
        }
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("only a running turn is interrupted", e);
    } catch (RuntimeException | Error e) {
      e.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  /** @return the exit code, or -1 when stdin has ended */
  private int read(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    var buffer = new byte[1 << 13];
    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
      int from = 0;
      for (int i = 0; i < n; i++) {
        if (buffer[i] == '\n') {
          line.write(buffer, from, i - from);
          from = i + 1;
          int code = take(line.toByteArray());
          if (code >= 0) {
            return code;
          }
          line.reset();
        }
      }
      line.write(buffer, from, n - from);
    }
    return line.size() == 0 ? -1 : take(line.toByteArray());
  }

  /** @return the exit code if the line ends the process, otherwise -1 */
  private int take(byte[] bytes) {
    if (new String(bytes, 0, Math.min(bytes.length, 16)).isBlank() && bytes.length < 16) {
      return -1;
    }
    Map<String, Object> line;
    try {
      line = PlainJson.asObject(PlainJson.read(bytes));
    } catch (IOException e) {
      return unreadable(e.getMessage());
    }
    String type = line != null && line.get("type") instanceof String name ? name : "";
    return switch (type) {
      case "user" -> user(line);
      case "control_request" -> control(line.get("request_id"), PlainJson.asObject(line.get("request")));
      default -> line == null ? unreadable("not an object") : -1;
    };
  }

  private static int unreadable(String why) {
    System.err.println("Error parsing streaming input line: " + why);
    return 1;
  }

  private int user(Map<String, Object> line) {
    Map<String, Object> message = PlainJson.asObject(line.get("message"));
    if (message == null || message.get("content") == null) {
      return unreadable("a user line without a message");
    }
    session.turns.add(DemoTurn.of(session, line.get("uuid") instanceof String uuid ? uuid : null, message.get("content")));
    return -1;
  }

  private int control(Object requestId, Map<String, Object> request) {
    if (request == null) {
      return unreadable("a control_request without a request");
    }
    switch (String.valueOf(request.get("subtype"))) {
      case "interrupt" -> interrupt(requestId, Boolean.TRUE.equals(request.get("cancel_queued")));
      case "set_model" -> {
        session.model = request.get("model") instanceof String model ? model : "demo";
        answer(requestId, object());
      }
      case "initialize" -> answer(requestId, object("commands", List.of(), "models",
          List.of(object("value", "demo", "displayName", "Demo", "description", "Needs no account"))));
      case "set_permission_mode", "set_max_thinking_tokens" -> answer(requestId, object());
      case "end_session" -> {
        answer(requestId, object());
        return 0;
      }
      default -> respond(object("subtype", "error", "request_id", requestId,
          "error", "Unsupported control request subtype: " + request.get("subtype")));
    }
    return -1;
  }

  /** No delta comes between the answer and the end of the turn: a delta looks for the interrupt under the lock of the output. */
  private void interrupt(Object requestId, boolean cancelQueued) {
    List<DemoTurn> waiting = session.turns.stream().filter(turn -> turn.messageUuid() != null).toList();
    List<String> cancelled = cancelQueued ? waiting.stream().filter(session.turns::remove).map(DemoTurn::messageUuid).toList() : List.of();
    synchronized (session.out) {
      answer(requestId, object("still_queued", cancelQueued ? List.of() : waiting.stream().map(DemoTurn::messageUuid).toList(),
          "cancelled", cancelled));
      for (String uuid : cancelled) {
        session.out.line(object("type", "command_lifecycle", "command_uuid", uuid, "state", "cancelled"));
      }
      synchronized (this) {
        if (turnRuns) {
          turns.interrupt();
        }
      }
    }
  }

  private void answer(Object requestId, Map<String, Object> response) {
    respond(object("subtype", "success", "request_id", requestId, "response", response));
  }

  private void respond(Map<String, Object> response) {
    session.out.bare(object("type", "control_response", "response", response), false);
    session.out.flush();
  }
}
