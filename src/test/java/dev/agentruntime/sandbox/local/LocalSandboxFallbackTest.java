package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxContract;
import dev.agentruntime.sandbox.SandboxProvider;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Without file events and without {@code /proc}: the same promises, kept by looking. */
@Execution(ExecutionMode.CONCURRENT)
class LocalSandboxFallbackTest extends SandboxContract {

  @TempDir
  Path root;

  @Override
  protected SandboxProvider newProvider() {
    return new LocalSandboxProvider(root, LocalSandboxOptions.defaults().portable());
  }
}
