package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;

import dev.agentruntime.support.BridgeSibling;
import dev.agentruntime.support.FreePort;
import dev.agentruntime.support.Sibling;
import dev.agentruntime.support.TestRuntime;
import io.vertx.ext.bridge.BridgeOptions;
import io.vertx.ext.bridge.PermittedOptions;
import io.vertx.ext.eventbus.bridge.tcp.TcpEventBusBridge;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** Siblings on the other side of an event-bus bridge, which need not be Java. */
class SessionBusBridgeIT extends BusContract {

  private TestRuntime runtime;
  private TcpEventBusBridge bridge;
  private Sibling sibling;

  @BeforeAll
  void start(@TempDir Path directory) {
    runtime = TestRuntime.start(directory, Map.of("AGENT_RUNTIME_STORE_URL", "memory:"));
    PermittedOptions all = new PermittedOptions().setAddressRegex("agent-runtime\\..*");
    sibling = new BridgeSibling(runtime.vertx, listen(new BridgeOptions().addInboundPermitted(all).addOutboundPermitted(all)));
  }

  private int listen(BridgeOptions options) {
    int port = FreePort.find();
    bridge = await(TcpEventBusBridge.create(runtime.vertx, options).listen(port, "127.0.0.1"));
    return port;
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
