package dev.agentruntime.support;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.server.Authentication;
import dev.agentruntime.server.ClientApi;
import dev.agentruntime.server.ServerVerticle;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.UnaryOperator;

/** A whole server on a free port, with the demo agent. Blocking, for tests. */
public final class TestServer implements AutoCloseable {

  public final TestRuntime runtime;
  public final ClientApi api;
  public final int port;

  private TestServer(TestRuntime runtime) {
    this.runtime = runtime;
    var settings = runtime.runtime.settings();
    this.api = new ClientApi(runtime.vertx, settings, runtime.sessions(), runtime.runtime.metrics(), Authentication.of(settings));
    this.port = TestRuntime.await(ServerVerticle.deploy(runtime.vertx, api, settings));
  }

  /** @param environment settings as variables, over those of the tests */
  public static TestServer start(Path directory, Map<String, String> environment) {
    return start(directory, environment, store -> store);
  }

  public static TestServer start(Path directory, Map<String, String> environment, UnaryOperator<PersistenceAdapter> store) {
    return new TestServer(TestRuntime.start(directory, environment, store));
  }

  /** A client without a key. */
  public TestClient client() {
    return client(null);
  }

  public TestClient client(String apiKey) {
    return new TestClient("127.0.0.1", port, apiKey);
  }

  @Override
  public void close() {
    TestRuntime.await(api.drain());
    runtime.close();
  }
}
