package dev.agentruntime.support;

import dev.agentruntime.AgentRuntime;
import dev.agentruntime.config.Settings;
import dev.agentruntime.config.SettingsLoader;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.session.SessionManager;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** A whole runtime in a directory of its own, with the demo agent in real processes. Blocking, for tests. */
public final class TestRuntime implements AutoCloseable {

  private static final long PATIENCE_SECONDS = 120;

  public final Vertx vertx;
  public final AgentRuntime runtime;

  private TestRuntime(Vertx vertx, AgentRuntime runtime) {
    this.vertx = vertx;
    this.runtime = runtime;
  }

  /** @param environment settings as variables, over those of the tests */
  public static TestRuntime start(Path directory, Map<String, String> environment) {
    return start(directory, environment, store -> store);
  }

  /** @param store what to make of the store, for example one that fails now and then */
  public static TestRuntime start(Path directory, Map<String, String> environment, UnaryOperator<PersistenceAdapter> store) {
    return start(Vertx.vertx(), directory, environment, store);
  }

  /** @param vertx closed with the runtime */
  public static TestRuntime start(Vertx vertx, Path directory, Map<String, String> environment, UnaryOperator<PersistenceAdapter> store) {
    TestRuntime made = create(vertx, directory, environment, store);
    await(made.runtime.start());
    return made;
  }

  /** One that has touched nothing yet: its {@link #runtime} is to be started. */
  static TestRuntime create(Vertx vertx, Path directory, Map<String, String> environment, UnaryOperator<PersistenceAdapter> store) {
    Settings settings = settings(directory, environment);
    return new TestRuntime(vertx, AgentRuntime.create(vertx, settings, store.apply(AgentRuntime.persistence(vertx, settings))));
  }

  public static Settings settings(Path directory, Map<String, String> environment) {
    Map<String, String> variables = new HashMap<>(Map.of("AGENT_RUNTIME_PORT", "0", "AGENT_RUNTIME_DATA_DIR", directory.toString()));
    variables.putAll(environment);
    return SettingsLoader.load(variables);
  }

  public SessionManager sessions() {
    return runtime.sessionManager();
  }

  /** @return the id of a new session of the demo agent */
  public String newSession() {
    return newSession("demo");
  }

  /** @return the id of a new session */
  public String newSession(String profile) {
    return await(sessions().create(new CreateSession(profile, null, null, null, null, null))).sessionId();
  }

  public SendMessage.Accepted send(String sessionId, String text) {
    return await(sessions().message(sessionId, new SendMessage(MessageContent.of(text), null, null)));
  }

  /** Follows a session from now on. */
  public Follower follow(String sessionId) {
    return new Follower(sessions(), sessionId);
  }

  public static <T> T await(Future<T> future) {
    try {
      return future.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (java.util.concurrent.TimeoutException e) {
      throw new AssertionError("nothing came within " + PATIENCE_SECONDS + " seconds", e);
    }
  }

  /** Ends every turn and sandbox: an orderly stop would leave those that run to a next runtime. */
  public void unloadAll() {
    sessions().getLoadedSessions().forEach(id -> await(sessions().unload(id)));
  }

  /** Stops in order, as the server does. */
  @Override
  public void close() {
    await(runtime.shutdown());
    await(vertx.close());
  }
}
