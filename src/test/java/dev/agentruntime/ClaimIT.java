package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.CrashableServer;
import dev.agentruntime.support.JavaProgram;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A second process on what a server uses is refused, and says who that is, until the first has ended, however that ends. */
@Timeout(180)
@Execution(ExecutionMode.CONCURRENT)
class ClaimIT {

  @TempDir
  Path folder;

  private record Refused(Process process, int code, String says) {

    /** What it says up to its end, which is also that of one which starts after all. */
    String said() throws IOException {
      StringBuilder said = new StringBuilder();
      try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          said.append(line).append('\n');
          if (line.contains("is ready at")) {
            process.toHandle().destroyForcibly();
          }
        }
      }
      return said.toString();
    }
  }

  private Refused refused(int code, String says, Path dataDirectory, Map<String, String> settings, String... arguments) throws IOException {
    List<String> command = JavaProgram.shortLived("dev.agentruntime.Main");
    command.addAll(List.of(arguments));
    ProcessBuilder program = new ProcessBuilder(command).redirectErrorStream(true);
    program.environment().keySet().removeIf(name -> name.startsWith("AGENT_RUNTIME_"));
    program.environment().putAll(settings);
    program.environment().put("AGENT_RUNTIME_PORT", "0");
    program.environment().put("AGENT_RUNTIME_DATA_DIR", dataDirectory.toString());
    return new Refused(program.start(), code, says);
  }

  @Test
  void whatAServerUsesIsNobodyElses() throws Exception {
    Path data = folder.resolve("data");
    Path link = Files.createSymbolicLink(folder.resolve("link"), data);
    Path other = folder.resolve("other");
    Path source = Files.createFile(folder.resolve("source.db"));
    try (CrashableServer server = new CrashableServer(data, null)) {
      String session = server.newSession();
      server.follow(session);
      server.sendOnly(session, "0e7a6c1e-5f0f-4a70-9b3c-0c7f3f5f7f01", "say 100 deltas every 20 ms");
      server.awaitFrame(frame -> frame.contains("\"word3 \""));

      String store = "sqlite:" + link.resolve("agent-runtime.db");
      List<Refused> all = List.of(
          refused(1, "could not start: the data directory " + data + " is in use by process " + server.pid(), data, Map.of()),
          refused(1, "could not start: the data directory " + link + " is in use by process " + server.pid(), link,
              Map.of("AGENT_RUNTIME_STORE_URL", "memory:")),
          refused(1, "could not start: the store " + link.resolve("agent-runtime.db") + " is in use by process " + server.pid(), other,
              Map.of("AGENT_RUNTIME_STORE_URL", store)),
          refused(CopyStore.SOURCE_IN_USE, "cannot be copied: the store " + link.resolve("agent-runtime.db") + " is in use by process "
              + server.pid(), other, Map.of(), "copy-store", store, "sqlite:copy.db"),
          refused(CopyStore.TARGET_IN_USE, "cannot be written: the store " + link.resolve("agent-runtime.db") + " is in use by process "
              + server.pid(), other, Map.of(), "copy-store", "sqlite:" + source, store));
      try {
        for (Refused one : all) {
          String said = one.said();
          assertThat(said).contains(one.says).doesNotContain("\tat ");
          assertThat(one.process.waitFor()).as(said).isEqualTo(one.code);
        }
      } finally {
        all.forEach(one -> one.process.toHandle().destroyForcibly());
      }
      assertThat(server.awaitFrame(frame -> frame.contains("session:turn:completed"))).as("undisturbed").contains("\"success\"");
      server.kill();
    }
    try (TestRuntime next = TestRuntime.start(link, Map.of())) {
      next.unloadAll();
      new SandboxTraces(data).awaitNothing();
    }
  }
}
