package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.JavaProgram;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.ServerProgram;
import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.Viewer;
import dev.agentruntime.support.modal.FakeModal;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The server as a program of its own, in an empty folder with an empty environment. */
@Timeout(120)
@Execution(ExecutionMode.CONCURRENT)
class MainIT {

  private static final int EXIT_AT_SIGTERM = 128 + 15;

  private static final List<String> PROGRAM = ServerProgram.command(JavaProgram.SHORT_LIVED.toArray(String[]::new));

  @TempDir
  Path home;

  private Process run(Map<String, String> environment) throws IOException {
    return run(environment, PROGRAM);
  }

  private Process run(Map<String, String> environment, List<String> command) throws IOException {
    return ServerProgram.run(home, environment, command);
  }

  @Test
  void itSaysWhereItIsAndEndsInOrderAtSigterm() throws Exception {
    // Less than the ten seconds for which Vert.x waits for threads that do not end.
    Process program = run(Map.of("AGENT_RUNTIME_PORT", "0", "AGENT_RUNTIME_SHUTDOWN_GRACE_MS", "9000"));
    try (BufferedReader output = program.inputReader(StandardCharsets.UTF_8)) {
      List<String> lines = new ArrayList<>();
      TestClient client = new TestClient("127.0.0.1", ServerProgram.ready(output, lines), null);
      assertThat(lines).as("one line, and nothing before it").hasSize(1);
      assertThat(client.get("/health/ready").status()).isEqualTo(200);

      String id = client.newSession();
      Viewer viewer = new Viewer(client, id);
      viewer.turn(client.say(id, "say hello"));
      SandboxTraces traces = new SandboxTraces(home.resolve("data"));
      assertThat(traces.directories()).isNotEmpty();
      assertThat(traces.processes()).isNotEmpty();

      program.toHandle().destroy();
      assertThat(viewer.socket.closeCode()).isEqualTo(1001);
      List<String> rest = output.lines().toList();
      assertThat(program.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(program.exitValue()).isEqualTo(EXIT_AT_SIGTERM);
      assertThat(rest.getLast()).endsWith("Stopped");
      assertThat(rest).noneMatch(line -> line.contains("ERROR") || line.contains("Exception"));
      traces.awaitNothing();
      assertThat(Files.size(home.resolve("data/agent-runtime.db"))).isPositive();
    } finally {
      program.destroyForcibly();
    }
  }

  @Test
  void itEndsInOrderWhenWhatStartedItIsKilled() throws Exception {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", "\"$@\" & wait", "sh"));
    command.addAll(PROGRAM);
    Process starter = run(Map.of("AGENT_RUNTIME_PORT", "0"), command);
    try (BufferedReader output = starter.inputReader(StandardCharsets.UTF_8)) {
      TestClient client = new TestClient("127.0.0.1", ServerProgram.ready(output, new ArrayList<>()), null);
      ProcessHandle program = starter.children().findAny().orElseThrow();
      try {
        Viewer viewer = new Viewer(client, client.newSession());
        starter.destroyForcibly();
        assertThat(viewer.socket.closeCode()).as("an end in order").isEqualTo(1001);
        assertThat(program.onExit().get(60, TimeUnit.SECONDS)).isNotNull();
      } finally {
        program.destroyForcibly();
      }
    }
  }

  @Test
  void wrongSettingsAreAllNamedAtOnce() throws Exception {
    Process program = run(Map.of("AGENT_RUNTIME_PORT", "abc", "AGENT_RUNTIME_IDLE_TIMEOUT_MS", "-1", "AGENT_RUNTIME_HOTS", "localhost"));
    try (BufferedReader output = program.inputReader(StandardCharsets.UTF_8)) {
      String said = String.join("\n", output.lines().toList());
      assertThat(program.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(program.exitValue()).isEqualTo(2);
      assertThat(said).contains("PORT").contains("IDLE_TIMEOUT_MS").contains("AGENT_RUNTIME_HOTS").contains("AGENT_RUNTIME_HOST")
          .doesNotContain("\tat ");
    } finally {
      program.destroyForcibly();
    }
  }

  /** No store of its own threads keeps the process alive while it starts. */
  @Test
  void withTheStoreInMemoryItStartsAndStays() throws Exception {
    Process program = run(Map.of("AGENT_RUNTIME_PORT", "0", "AGENT_RUNTIME_STORE_URL", "memory:"));
    try (BufferedReader output = program.inputReader(StandardCharsets.UTF_8)) {
      TestClient client = new TestClient("127.0.0.1", ServerProgram.ready(output, new ArrayList<>()), null);
      String id = client.newSession();
      Viewer viewer = new Viewer(client, id);
      viewer.turn(client.say(id, "say hello"));
      program.toHandle().destroy();
      assertThat(program.waitFor(60, TimeUnit.SECONDS)).isTrue();
      new SandboxTraces(home.resolve("data")).awaitNothing();
    } finally {
      program.destroyForcibly();
    }
  }

  @Test
  void aTokenThatModalDoesNotTakeEndsItWithASentence() throws Exception {
    try (FakeModal modal = FakeModal.start(home.resolve("modal"))) {
      Map<String, String> settings = new HashMap<>(modal.settings());
      settings.put("MODAL_TOKEN_SECRET", "as-another");
      settings.put("AGENT_RUNTIME_PORT", "0");
      Process program = run(settings);
      try (BufferedReader output = program.inputReader(StandardCharsets.UTF_8)) {
        List<String> said = output.lines().toList();
        assertThat(program.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(program.exitValue()).isEqualTo(1);
        assertThat(said).filteredOn(line -> line.matches(".* (WARN|ERROR) +d(ev)?\\.a.*")).singleElement().asString()
            .contains("could not start: Modal does not accept the token: check MODAL_TOKEN_ID and MODAL_TOKEN_SECRET");
        assertThat(said).noneMatch(line -> line.startsWith("\tat ") || line.contains("as-another"));
      } finally {
        program.destroyForcibly();
      }
    }
  }

  @Test
  void aDataDirectoryThatCannotBeUsedEndsItWithASentence() throws Exception {
    Files.createFile(home.resolve("file"));
    for (Map<String, String> sandboxes : List.of(Map.<String, String>of(), Map.of("MODAL_TOKEN_ID", "ak-1", "MODAL_TOKEN_SECRET", "as-1"))) {
      Map<String, String> settings = new HashMap<>(sandboxes);
      settings.put("AGENT_RUNTIME_PORT", "0");
      settings.put("AGENT_RUNTIME_DATA_DIR", home.resolve("file").toString());
      Process program = run(settings);
      try (BufferedReader output = program.inputReader(StandardCharsets.UTF_8)) {
        assertThat(output.lines()).anyMatch(line -> line.matches(".* could not start: .*AGENT_RUNTIME_DATA_DIR.*" + home.resolve("file") + ".*"))
            .noneMatch(line -> line.startsWith("\tat "));
        assertThat(program.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(program.exitValue()).isEqualTo(1);
      } finally {
        program.destroyForcibly();
      }
    }
  }

  @Test
  void aPortThatIsTakenEndsItWithASentence() throws Exception {
    Process first = run(Map.of("AGENT_RUNTIME_PORT", "0"));
    try (BufferedReader output = first.inputReader(StandardCharsets.UTF_8)) {
      int port = ServerProgram.ready(output, new ArrayList<>());
      Process second = run(Map.of("AGENT_RUNTIME_PORT", Integer.toString(port), "AGENT_RUNTIME_DATA_DIR", home.resolve("other").toString()));
      try (BufferedReader said = second.inputReader(StandardCharsets.UTF_8)) {
        assertThat(said.lines()).anyMatch(line -> line.contains("could not start: it cannot listen at 127.0.0.1:" + port))
            .noneMatch(line -> line.startsWith("\tat "));
        assertThat(second.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(second.exitValue()).isEqualTo(1);
      } finally {
        second.destroyForcibly();
      }
    } finally {
      first.destroyForcibly();
    }
  }
}
