package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxContract;
import dev.agentruntime.sandbox.SandboxProvider;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Without file events and without {@code /proc}: the same promises, kept by looking. */
class LocalSandboxFallbackTest extends SandboxContract {

  @TempDir
  Path root;

  @Override
  protected SandboxProvider newProvider() {
    return new LocalSandboxProvider(root, LocalSandboxOptions.defaults().portable());
  }
}
