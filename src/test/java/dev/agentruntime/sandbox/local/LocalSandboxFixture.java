package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxFixture;
import dev.agentruntime.sandbox.SandboxProvider;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Sandboxes of this machine, for what holds for them alone. */
abstract class LocalSandboxFixture extends SandboxFixture {

  @TempDir
  Path root;

  @Override
  protected SandboxProvider newProvider() {
    return new LocalSandboxProvider(root);
  }
}
