package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxContract;
import dev.agentruntime.sandbox.SandboxProvider;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class LocalSandboxTest extends SandboxContract {

  @TempDir
  Path root;

  @Override
  protected SandboxProvider newProvider() {
    return new LocalSandboxProvider(root);
  }
}
