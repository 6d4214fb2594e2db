package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxContract;
import dev.agentruntime.sandbox.SandboxProvider;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class LocalSandboxTest extends SandboxContract {

  @TempDir
  Path root;

  @Override
  protected SandboxProvider newProvider() {
    return new LocalSandboxProvider(root);
  }
}
