package dev.agentruntime.support;

import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * {@link RealClaude} with a {@link ScriptedModel} behind it, and what a server has to be told to use the two: one for each test, or, in a
 * static field, one for all tests of a class.
 */
public final class ScriptedClaude implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, AfterAllCallback {

  public static final String KEY = "sk-scripted";
  private static final long PATIENCE_SECONDS = 10;

  private String executable;
  private Vertx vertx;
  private ScriptedModel model;
  private boolean shared;

  /** For other servers that a test needs. */
  public Vertx vertx() {
    return vertx;
  }

  public ScriptedModel model() {
    return model;
  }

  /** As variables. */
  public Map<String, String> settings() {
    return settings(Map.of());
  }

  /** @param more variables, over those of the CLI */
  public Map<String, String> settings(Map<String, String> more) {
    Map<String, String> settings = new HashMap<>(Map.of("ANTHROPIC_API_KEY", KEY, "ANTHROPIC_BASE_URL", model.baseUrl(),
        "AGENT_RUNTIME_CLAUDE_COMMAND", executable));
    settings.putAll(more);
    return settings;
  }

  /** A server that uses the two. */
  public TestServer server(Path dataDirectory) {
    return TestServer.start(dataDirectory, settings());
  }

  /** The CLI's own processes of a session, as {@code <pid> <command line> }; not those that watch over them. */
  public static List<String> processes(Path dataDirectory, String sessionId) {
    return new SandboxTraces(dataDirectory).processes(sessionId).stream().filter(line -> line.matches("\\d+ \\S*/claude -p .*")).toList();
  }

  private void start() throws Exception {
    executable = RealClaude.executable();
    vertx = Vertx.vertx();
    model = ScriptedModel.start(vertx);
  }

  private void stop() throws Exception {
    if (model != null) {
      model.close();
      vertx.close().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
  }

  @Override
  public void beforeAll(ExtensionContext context) throws Exception {
    shared = true;
    start();
  }

  @Override
  public void beforeEach(ExtensionContext context) throws Exception {
    if (!shared) {
      start();
    }
  }

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    if (!shared) {
      stop();
    }
  }

  @Override
  public void afterAll(ExtensionContext context) throws Exception {
    stop();
  }
}
