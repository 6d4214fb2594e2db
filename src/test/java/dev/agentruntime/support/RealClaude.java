package dev.agentruntime.support;

import dev.agentruntime.agent.claude.ClaudeExecutable;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The real Claude Code CLI in the version that the settings name, installed from npm once per build ({@code target/claude-code}) in the way
 * in which the server does it. What a developer has on the search path is not used.
 *
 * <p>Where npm is missing a test is skipped and says so; with {@code -Dclaude.required=true} it fails.
 */
public final class RealClaude {

  private static final long PATIENCE_MINUTES = 5;
  private static final Path FOLDER = Path.of("target", "claude-code");
  private static String executable;

  private RealClaude() {}

  /** The path of the executable. */
  public static synchronized String executable() {
    Npm.require("claude.required", "Claude Code could not be installed and was not tested");
    if (executable == null) {
      String others = Npm.searchPath().stream().filter(folder -> !Files.exists(folder.resolve("claude"))).map(Path::toString)
          .collect(Collectors.joining(File.pathSeparator));
      try {
        executable = new ClaudeExecutable(TestRuntime.settings(FOLDER, Map.of()), others).locate(progress -> {})
            .await(PATIENCE_MINUTES, TimeUnit.MINUTES);
      } catch (java.util.concurrent.TimeoutException e) {
        throw new AssertionError("Claude Code was not installed within " + PATIENCE_MINUTES + " minutes", e);
      }
    }
    return executable;
  }
}
