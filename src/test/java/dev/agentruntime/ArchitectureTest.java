package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules of the house that a reader of sources can hold: imports go one way, files stay small, names say what a thing is. */
class ArchitectureTest {

  /** As the rule says. */
  private static final int MOST_LINES = 400;

  /**
   * What a package may use of ours beside itself. A package below one of these may use what that one may, and that one, and what is
   * generated below itself.
   */
  private static final Map<String, Set<String>> MAY_USE = Map.of(
      "server", Set.of("session", "protocol", "metrics"),
      "session", Set.of("agent", "sandbox", "persistence", "protocol", "metrics"),
      "agent", Set.of("protocol", "sandbox", "metrics"),
      "persistence", Set.of("protocol", "metrics"),
      "sandbox", Set.of("metrics"),
      "protocol", Set.of(),
      "config", Set.of(),
      "metrics", Set.of());

  /** Where the settings' records are handed in by the composition root. */
  private static final Set<String> GIVEN_SETTINGS = Set.of("server", "session");

  private static final Pattern USE = Pattern.compile("\\bdev\\.agentruntime((?:\\.[a-z]\\w*)*)\\.[A-Z]\\w*");
  private static final Pattern FORBIDDEN_NAME = Pattern.compile("Abstract\\w+|\\w+(Impl|Helper|Helpers|Util|Utils)");
  private static final Pattern DECLARATION = Pattern.compile("\\b(?:class|interface|record|enum)\\s+([A-Z]\\w*)");

  private static final Map<String, Pattern> FORBIDDEN_TEXT = Map.of(
      "an unfinished thought", Pattern.compile("\\b(TODO" + "|FIXME" + "|XXX)\\b"),
      "a path of one machine", Pattern.compile("(?<![\\w.])/(work|root|tmp/\\w+)/"));
  private static final Pattern SLEEP = Pattern.compile("\\b(Thread|TimeUnit\\.\\w+)\\.sleep\\(");

  /** @param path below the project, with / between its parts */
  record Source(String path, String text) {

    boolean isProduction() {
      return path.startsWith("src/main/java/");
    }

    /** Below our root package: {@code sandbox.local}, or empty for the root itself. */
    String packageName() {
      String folder = path.replaceFirst("^src/\\w+/java/dev/agentruntime/?", "").replaceFirst("/?[^/]*$", "");
      return folder.replace('/', '.');
    }

    String typeName() {
      return path.substring(path.lastIndexOf('/') + 1).replaceFirst("\\.java$", "");
    }
  }

  @Test
  void everySourceKeepsTheRules() throws IOException {
    List<Source> sources = sources();
    assertThat(sources).as("the sources are looked at").hasSizeGreaterThan(50);
    assertThat(sources.stream().flatMap(source -> violations(source).stream())).isEmpty();
  }

  @Test
  void everyPackageHasItsRule() throws IOException {
    Set<String> packages = sources().stream().filter(Source::isProduction)
        .map(source -> top(source.packageName())).filter(name -> !name.isEmpty()).collect(Collectors.toCollection(TreeSet::new));
    assertThat(MAY_USE.keySet()).containsAll(packages);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      src/main/java/dev/agentruntime/protocol/A.java          | import dev.agentruntime.session.EventLog;               | protocol may not use session
      src/main/java/dev/agentruntime/session/A.java           | import dev.agentruntime.server.RestApi;                 | session may not use server
      src/main/java/dev/agentruntime/session/A.java           | import dev.agentruntime.agent.claude.ClaudeStream;      | session may not use agent.claude
      src/main/java/dev/agentruntime/sandbox/local/A.java     | import dev.agentruntime.protocol.Json;                  | sandbox.local may not use protocol
      src/main/java/dev/agentruntime/agent/claude/A.java      | import dev.agentruntime.sandbox.local.LocalSandbox;     | agent.claude may not use sandbox.local
      src/main/java/dev/agentruntime/agent/claude/A.java      | import static dev.agentruntime.agent.demo.Demo.x;       | agent.claude may not use agent.demo
      src/main/java/dev/agentruntime/agent/A.java             | import dev.agentruntime.agent.claude.ClaudeStream;      | agent may not use agent.claude
      src/main/java/dev/agentruntime/agent/A.java             | import dev.agentruntime.config.Settings;                | agent may not use config
      src/main/java/dev/agentruntime/persistence/A.java       | var x = dev.agentruntime.sandbox.Sandbox.of();          | persistence may not use sandbox
      src/main/java/dev/agentruntime/sandbox/A.java           | import dev.agentruntime.sandbox.modal.proto.Sandbox;    | sandbox may not use sandbox.modal.proto
      src/main/java/dev/agentruntime/session/A.java           | import dev.agentruntime.AgentRuntime;                   | session may not use the root package
      src/main/java/dev/agentruntime/session/SessionImpl.java | // x                                                    | SessionImpl says nothing
      src/main/java/dev/agentruntime/session/A.java           | private static final class PathUtils {                  | PathUtils says nothing
      src/test/java/dev/agentruntime/AbstractIT.java          | // x                                                    | AbstractIT says nothing
      src/main/java/dev/agentruntime/session/A.java           | // TO-DO: later                                         | an unfinished thought
      src/main/java/dev/agentruntime/session/A.java           | Path.of("/root/x")                                      | a path of one machine
      src/main/resources/a.json                               | {"path": "/tmp/x/y"}                                    | a path of one machine
      src/test/java/dev/agentruntime/ATest.java               | Thread.sleep(10);                                       | a sleep is no synchronisation
      src/test/java/dev/agentruntime/ATest.java               | TimeUnit.SECONDS.sleep(1);                              | a sleep is no synchronisation
      """)
  void aViolationIsFound(String path, String line, String expected) {
    assertThat(violations(new Source(path, line.replace("TO-DO", "TO" + "DO")))).singleElement().asString().contains(expected);
  }

  @Test
  void aLongFileIsFound() {
    String path = "src/main/java/dev/agentruntime/session/A.java";
    assertThat(violations(new Source(path, "x\n".repeat(MOST_LINES)))).isEmpty();
    assertThat(violations(new Source(path, "x\n".repeat(MOST_LINES + 1)))).singleElement().asString().contains(MOST_LINES + 1 + " lines");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      src/main/java/dev/agentruntime/sandbox/local/A.java  | import dev.agentruntime.sandbox.SandboxPath;
      src/main/java/dev/agentruntime/sandbox/modal/A.java  | import dev.agentruntime.sandbox.modal.proto.Sandbox;
      src/main/java/dev/agentruntime/agent/claude/A.java   | import dev.agentruntime.config.Settings;
      src/main/java/dev/agentruntime/session/A.java        | import dev.agentruntime.metrics.RuntimeMetrics;
      src/main/java/dev/agentruntime/AgentRuntime.java     | import dev.agentruntime.sandbox.local.LocalSandbox;
      src/test/java/dev/agentruntime/server/ATest.java     | import dev.agentruntime.sandbox.local.LocalSandbox;
      src/main/java/dev/agentruntime/session/A.java        | "GET /home and /work, /root"
      """)
  void whatIsAllowedIsNoViolation(String path, String line) {
    assertThat(violations(new Source(path, line))).isEmpty();
  }

  private static List<String> violations(Source source) {
    List<String> found = new ArrayList<>();
    FORBIDDEN_TEXT.forEach((what, pattern) -> {
      if (pattern.matcher(source.text()).find()) {
        found.add(source.path() + ": " + what);
      }
    });
    if (source.path().endsWith(".java")) {
      names(source, found);
      if (source.isProduction()) {
        uses(source, found);
      } else if (source.path().startsWith("src/test/") && SLEEP.matcher(source.text()).find()) {
        found.add(source.path() + ": a sleep is no synchronisation");
      }
      long lines = source.text().lines().count();
      if (lines > MOST_LINES) {
        found.add(source.path() + ": " + lines + " lines");
      }
    }
    return found;
  }

  private static void names(Source source, List<String> found) {
    Set<String> names = new TreeSet<>(Set.of(source.typeName()));
    Matcher declarations = DECLARATION.matcher(source.text());
    while (declarations.find()) {
      names.add(declarations.group(1));
    }
    names.stream().filter(name -> FORBIDDEN_NAME.matcher(name).matches())
        .forEach(name -> found.add(source.path() + ": the name " + name + " says nothing"));
  }

  private static void uses(Source source, List<String> found) {
    String from = source.packageName();
    if (from.isEmpty()) {
      return;
    }
    Set<String> used = new TreeSet<>();
    Matcher uses = USE.matcher(source.text());
    while (uses.find()) {
      used.add(uses.group(1).isEmpty() ? "" : uses.group(1).substring(1));
    }
    for (String to : used) {
      if (!mayUse(from, to)) {
        found.add(source.path() + ": " + from + " may not use " + (to.isEmpty() ? "the root package" : to));
      }
    }
  }

  private static boolean mayUse(String from, String to) {
    boolean leaf = from.contains(".");
    if (to.equals(from) || leaf && (to.equals(top(from)) || to.startsWith(from + "."))) {
      return true;
    }
    if (to.equals("config")) {
      return leaf || GIVEN_SETTINGS.contains(from);
    }
    return MAY_USE.getOrDefault(top(from), Set.of()).contains(to);
  }

  private static String top(String packageName) {
    int dot = packageName.indexOf('.');
    return dot < 0 ? packageName : packageName.substring(0, dot);
  }

  /** Without this test, whose examples break every rule, and without the tests' resources, which hold what agents said. */
  private static List<Source> sources() throws IOException {
    Path root = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
    List<Source> sources = new ArrayList<>();
    for (String folder : List.of("src", "conf")) {
      try (Stream<Path> files = Files.walk(root.resolve(folder))) {
        files.filter(file -> file.toString().matches(".*\\.(java|json|xml|sql|js|html|css|properties|proto|sh)"))
            .filter(file -> !file.endsWith("ArchitectureTest.java") && !file.startsWith(root.resolve("src/test/resources")))
            .sorted().forEach(file -> sources.add(read(root, file)));
      }
    }
    return sources;
  }

  private static Source read(Path root, Path file) {
    try {
      return new Source(root.relativize(file).toString().replace('\\', '/'), Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
