package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.config.SettingsLoader;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With npm played by shell scripts, which do what npm would do to the file system. */
class ClaudeExecutableTest {

  /** Puts an executable where npm puts it, and counts its calls. */
  private static final String WORKING_NPM = """
      #!/bin/sh
      echo "$@" >> "%1$s/calls"
      while [ ! -e "%1$s/go" ]; do sleep 0.02; done
      mkdir -p "$3/node_modules/@anthropic-ai/claude-code-linux-x64" "$3/node_modules/@anthropic-ai/claude-code"
      printf '#!/bin/sh\\n' > "$3/node_modules/@anthropic-ai/claude-code-linux-x64/claude"
      chmod +x "$3/node_modules/@anthropic-ai/claude-code-linux-x64/claude"
      """;

  @TempDir
  private Path folder;
  private final Map<String, String> environment = new HashMap<>();
  private final List<String> progress = Collections.synchronizedList(new ArrayList<>());

  @BeforeEach
  void aDataDirectory() {
    environment.put("AGENT_RUNTIME_DATA_DIR", folder.resolve("data").toString());
  }

  private ClaudeExecutable executable() {
    return new ClaudeExecutable(SettingsLoader.load(environment), folder.resolve("bin") + ":/usr/bin:/bin");
  }

  private String locate(ClaudeExecutable executable) throws Exception {
    return get(executable.locate(progress::add));
  }

  private static String get(Future<String> future) throws Exception {
    try {
      return future.toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw (Exception) e.getCause();
    }
  }

  private Path script(String name, String text) throws IOException {
    Path script = folder.resolve("bin").resolve(name);
    Files.createDirectories(script.getParent());
    Files.writeString(script, text.formatted(folder));
    assertThat(script.toFile().setExecutable(true)).isTrue();
    return script;
  }

  private void failsWith(ClaudeExecutable executable, String words) {
    assertThatThrownBy(() -> locate(executable)).isInstanceOfSatisfying(ApiException.class, failure -> {
      assertThat(failure.code()).isEqualTo(ErrorCode.SANDBOX_FAILED);
      assertThat(failure.getMessage()).contains(words, "AGENT_RUNTIME_CLAUDE_COMMAND").doesNotContain(folder.toString());
    });
  }

  private List<String> installations() throws IOException {
    try (Stream<Path> entries = Files.list(folder.resolve("data/agents"))) {
      return entries.map(path -> path.getFileName().toString()).toList();
    }
  }

  @Test
  void theSettingGoesFirst() throws Exception {
    Path mine = script("mine", "#!/bin/sh\n");
    script("claude", "#!/bin/sh\n");
    environment.put("AGENT_RUNTIME_CLAUDE_COMMAND", mine.toString());
    assertThat(locate(executable())).isEqualTo(mine.toString());
    environment.put("AGENT_RUNTIME_CLAUDE_COMMAND", "mine");
    assertThat(locate(executable())).isEqualTo(mine.toString());
    assertThat(progress).isEmpty();
  }

  @Test
  void aWrongSettingIsToldAndNotWorkedAround() throws Exception {
    script("claude", "#!/bin/sh\n");
    environment.put("AGENT_RUNTIME_CLAUDE_COMMAND", folder.resolve("nothing").toString());
    failsWith(executable(), "claude.command");
    Files.writeString(folder.resolve("nothing"), "not executable");
    failsWith(executable(), "claude.command");
  }

  @Test
  void thenTheSearchPath() throws Exception {
    Path claude = script("claude", "#!/bin/sh\n");
    assertThat(locate(executable())).isEqualTo(claude.toString());
  }

  @Test
  void isInstalledOnceForAllWhoAskMeanwhile() throws Exception {
    script("npm", WORKING_NPM);
    ClaudeExecutable executable = executable();
    List<Future<String>> asked = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      asked.add(executable.locate(progress::add));
    }
    while (!Files.exists(folder.resolve("calls"))) {
      Thread.onSpinWait();
    }
    Files.createFile(folder.resolve("go"));
    for (Future<String> one : asked) {
      assertThat(get(one)).endsWith("claude-code-2.1.330/node_modules/@anthropic-ai/claude-code-linux-x64/claude").satisfies(
          path -> assertThat(Files.isExecutable(Path.of(path))).isTrue());
    }
    assertThat(Files.readAllLines(folder.resolve("calls"))).singleElement().asString()
        .endsWith("--ignore-scripts --no-audit --no-fund --loglevel=error @anthropic-ai/claude-code@2.1.330");
    assertThat(progress).contains("Claude Code 2.1.330 is installed");
    assertThat(installations()).containsExactly("claude-code-2.1.330");
    assertThat(locate(executable())).as("found by another server's start").isEqualTo(get(asked.get(0)));
    assertThat(Files.readAllLines(folder.resolve("calls"))).hasSize(1);
  }

  @Test
  void whatAKilledServerLeftIsNotTakenAsInstalled() throws Exception {
    Path half = folder.resolve("data/agents/.installing-x/node_modules/@anthropic-ai/claude-code-linux-x64");
    Files.createDirectories(half);
    Files.writeString(half.resolve("claude"), "half");
    assertThat(half.resolve("claude").toFile().setExecutable(true)).isTrue();
    script("npm", WORKING_NPM);
    Files.createFile(folder.resolve("go"));
    assertThat(locate(executable())).contains("claude-code-2.1.330");
    assertThat(installations()).containsExactly("claude-code-2.1.330");
  }

  @Test
  void aFailedInstallationIsToldLeavesNothingAndIsTriedAgain() throws Exception {
    script("npm", "#!/bin/sh\necho E404 not there\nexit 1\n");
    ClaudeExecutable executable = executable();
    failsWith(executable, "npm could not install");
    assertThat(installations()).isEmpty();
    script("npm", "#!/bin/sh\nexit 0\n");
    failsWith(executable, "no executable");
    assertThat(installations()).isEmpty();
    script("npm", WORKING_NPM);
    Files.createFile(folder.resolve("go"));
    assertThat(locate(executable)).contains("claude-code-2.1.330");
  }

  @Test
  void anInstallationThatHangsIsEnded() throws Exception {
    environment.put("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "1000");
    script("npm", "#!/bin/sh\nsleep 600\n");
    failsWith(executable(), "longer than 1 s");
    assertThat(installations()).isEmpty();
    assertThat(ProcessHandle.current().descendants().filter(process -> process.info().commandLine().orElse("").contains("sleep 600")))
        .isEmpty();
  }

  @Test
  void withoutNpmItSaysWhatToDo() {
    ClaudeExecutable executable = new ClaudeExecutable(SettingsLoader.load(environment), folder.toString());
    failsWith(executable, "npm");
  }

  @Test
  void aDataDirectoryThatCannotBeWrittenToIsTold() throws Exception {
    script("npm", WORKING_NPM);
    Files.writeString(folder.resolve("data"), "a file");
    failsWith(executable(), "data directory");
  }
}
