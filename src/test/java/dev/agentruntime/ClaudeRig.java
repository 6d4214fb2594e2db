package dev.agentruntime;

import dev.agentruntime.support.LiveSession;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.ScriptedClaude;
import dev.agentruntime.support.TestServer;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The real Claude Code CLI, a scripted model and a server that uses the two, new for each test; in the end nothing of it may be left. */
abstract class ClaudeRig {

  @RegisterExtension
  final ScriptedClaude claude = new ScriptedClaude();

  @TempDir
  Path directory;

  TestServer server;

  @BeforeEach
  void startServer() {
    server = claude.server(directory);
  }

  @AfterEach
  void stopServer() {
    server.close();
    new SandboxTraces(directory).awaitNothing();
  }

  LiveSession session() {
    return LiveSession.create(server.client(), "default");
  }
}
