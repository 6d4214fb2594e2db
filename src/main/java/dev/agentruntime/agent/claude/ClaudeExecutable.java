package dev.agentruntime.agent.claude;

import io.vertx.core.Future;
import java.util.function.Consumer;

/** Finds the CLI, or installs it. */
public interface ClaudeExecutable {

  /** The absolute path of the CLI. */
  Future<String> locate(Consumer<String> progress);
}
