package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;

import dev.agentruntime.support.BridgeSibling;
import dev.agentruntime.support.Sibling;
import dev.agentruntime.support.TestRuntime;
import io.vertx.ext.bridge.BridgeOptions;
import io.vertx.ext.bridge.PermittedOptions;
import io.vertx.ext.eventbus.bridge.tcp.TcpEventBusBridge;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** Siblings on the other side of an event-bus bridge, which need not be Java. */
class SessionBusBridgeIT extends BusContract {

  private static final int ATTEMPTS = 10;

  private TestRuntime runtime;
  private TcpEventBusBridge bridge;
  private Sibling sibling;

  @BeforeAll
  void start(@TempDir Path directory) {
    runtime = TestRuntime.start(directory, Map.of("AGENT_RUNTIME_STORE_URL", "memory:"));
    PermittedOptions all = new PermittedOptions().setAddressRegex("agent-runtime\\..*");
    sibling = new BridgeSibling(runtime.vertx, listen(new BridgeOptions().addInboundPermitted(all).addOutboundPermitted(all)));
  }

  /** The bridge does not tell which port it was given, so a free one is looked for; another program may take it meanwhile. */
  private int listen(BridgeOptions options) {
    for (int attempt = 1; ; attempt++) {
      try {
        int port = freePort();
        bridge = await(TcpEventBusBridge.create(runtime.vertx, options).listen(port, "127.0.0.1"));
        return port;
      } catch (IOException e) {
        if (attempt == ATTEMPTS) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return free.getLocalPort();
    }
  }

  @AfterAll
  void stop() {
    sibling.close();
    await(bridge.close());
    runtime.close();
  }

  @Override
  TestRuntime runtime() {
    return runtime;
  }

  @Override
  Sibling sibling() {
    return sibling;
  }
}
