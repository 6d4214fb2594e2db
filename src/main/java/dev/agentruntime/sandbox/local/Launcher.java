package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.local.Reaper.Family;
import dev.agentruntime.sandbox.local.Reaper.Keeper;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Starts a process that does not depend on this one: in a session of its own, with a shell as its keeper that holds its input open and
 * writes down how it ended. Blocks for some milliseconds.
 */
final class Launcher {

  /** Marks whatever is started in a sandbox, wherever it goes. */
  static final String SANDBOX_VARIABLE = "AGENT_RUNTIME_SANDBOX_ID";

  static final String PROCESS_VARIABLE = "AGENT_RUNTIME_PROCESS_ID";

  private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  /**
   * Arguments: process directory, command. The traps are there so that a signal to the whole group leaves the keeper, without being
   * inherited as "ignored". The pipe is opened for reading and writing, so that it has no end.
   */
  private static final String KEEPER = """
      dir=$1; shift
      trap : HUP INT QUIT TERM
      if [ -p "$dir/in" ]; then exec 3<>"$dir/in"; else exec 3</dev/null; fi
      ( echo $$; exec "$@" <&3 3<&- >>"$dir/out" 2>>"$dir/err" )
      echo $? >"$dir/exit"
      """;

  /**
   * Arguments: process directory, whether with input, the keeper, command. It is killed once the keeper has spoken, which then goes on as
   * nobody's child: a keeper started in the background would have, and hand on, interrupts ignored. The last line is there so that no shell
   * takes the line before it for its own last deed and becomes the keeper.
   */
  private static final String STARTER = """
      dir=$1; input=$2; keeper=$3; shift 3
      if [ "$input" = true ]; then PATH=$PATH:/usr/bin:/bin mkfifo -m 600 "$dir/in" || exit 1; fi
      setsid=$(PATH=$PATH:/usr/bin:/bin; command -v setsid)
      if [ -n "$setsid" ]; then
        "$setsid" /bin/sh -c "$keeper" agent-runtime-keeper "$dir" "$@" </dev/null 2>/dev/null
      else
        set -m; trap '' HUP
        /bin/sh -c "$keeper" agent-runtime-keeper "$dir" "$@" </dev/null 2>/dev/null &
      fi
      exit
      """;

  private final SandboxDirectory sandbox;
  private final Reaper reaper;

  Launcher(SandboxDirectory sandbox, Reaper reaper) {
    this.sandbox = sandbox;
    this.reaper = reaper;
  }

  /** @param directory of the process, there already */
  Keeper launch(ProcessDirectory directory, ProcessSpec spec, boolean withInput) throws IOException {
    List<String> command = new ArrayList<>(
        List.of("/bin/sh", "-c", STARTER, "agent-runtime-starter", directory.path().toString(), Boolean.toString(withInput), KEEPER));
    command.addAll(spec.command());
    ProcessBuilder builder = new ProcessBuilder(command).directory(sandbox.workspace().toFile()).redirectError(Redirect.DISCARD);
    environment(builder.environment(), directory, spec);
    long pid = Long.parseLong(firstLine(builder));
    Keeper keeper = new Keeper(pid, null, false);
    try {
      Keeper seen = new Keeper(pid, reaper.identity(pid), false);
      // If it has ended by now the identity may already be another's.
      keeper = directory.exitCode().isPresent() ? keeper : seen;
      directory.writeKeeper(keeper);
      return keeper;
    } catch (IOException | RuntimeException e) {
      // Nobody would find it.
      reaper.end(Family.ofProcess(directory.id(), keeper.asTrusted()));
      throw e;
    }
  }

  private void environment(Map<String, String> environment, ProcessDirectory directory, ProcessSpec spec) {
    String path = environment.getOrDefault("PATH", DEFAULT_PATH);
    environment.clear();
    environment.put("PATH", path);
    environment.put("HOME", sandbox.home().toString());
    environment.put("TMPDIR", sandbox.temporary().toString());
    environment.put("USER", System.getProperty("user.name"));
    environment.put("LOGNAME", System.getProperty("user.name"));
    environment.put("SHELL", "/bin/sh");
    environment.put("LANG", "C.UTF-8");
    environment.put("TERM", "dumb");
    try {
      environment.putAll(spec.environment());
    } catch (IllegalArgumentException e) {
      // The exception's message has the value, which may be a secret.
      throw new SandboxException(Kind.FAILED, "an environment variable has a name or value that no process can be given");
    }
    environment.put(SANDBOX_VARIABLE, sandbox.id());
    environment.put(PROCESS_VARIABLE, directory.id());
  }

  private static String firstLine(ProcessBuilder builder) throws IOException {
    Process starter = builder.start();
    try (BufferedReader reader = starter.inputReader()) {
      starter.getOutputStream().close();
      String line = reader.readLine();
      if (line == null || line.isEmpty()) {
        throw new SandboxException(Kind.FAILED, "the process could not be started");
      }
      return line;
    } finally {
      starter.destroyForcibly();
    }
  }
}
