package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.hazelcast.config.Config;
import dev.agentruntime.support.BusSibling;
import dev.agentruntime.support.Sibling;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.spi.cluster.hazelcast.ConfigUtil;
import io.vertx.spi.cluster.hazelcast.HazelcastClusterManager;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Siblings in another member of the cluster, over a real connection. */
class SessionBusClusterIT extends BusContract {

  private static final int FIRST_PORT = 15_701;

  private TestRuntime runtime;
  private Vertx other;
  private Sibling sibling;

  @BeforeAll
  void start(@TempDir Path directory) {
    String cluster = "test-" + UUID.randomUUID();
    Vertx own = member(cluster);
    other = member(cluster);
    assertThat(own.isClustered()).isTrue();
    runtime = TestRuntime.start(own, directory, Map.of("AGENT_RUNTIME_STORE_URL", "memory:"), store -> store);
    sibling = new BusSibling(other);
  }

  private static Vertx member(String cluster) {
    Config config = ConfigUtil.loadConfig();
    config.setClusterName(cluster);
    config.setProperty("hazelcast.logging.type", "slf4j");
    config.setProperty("hazelcast.phone.home.enabled", "false");
    config.setProperty("hazelcast.shutdownhook.enabled", "false");
    config.getNetworkConfig().setPort(FIRST_PORT).setPortAutoIncrement(true).setPortCount(50);
    config.getNetworkConfig().getInterfaces().setEnabled(true).addInterface("127.0.0.1");
    config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
    config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
    config.getNetworkConfig().getJoin().getTcpIpConfig().setEnabled(true).addMember("127.0.0.1");
    VertxOptions options = new VertxOptions().setEventBusOptions(new EventBusOptions().setHost("127.0.0.1").setPort(0));
    return await(Vertx.builder().with(options).withClusterManager(new HazelcastClusterManager(config)).buildClustered());
  }

  @AfterAll
  void stop() {
    sibling.close();
    runtime.close();
    await(other.close());
  }

  @Override
  TestRuntime runtime() {
    return runtime;
  }

  @Override
  Sibling sibling() {
    return sibling;
  }

  /** The address is known to the whole cluster before the answer is given. */
  @Test
  void aSessionCanBeAddressedAsSoonAsItIsCreated() {
    for (int i = 0; i < 50; i++) {
      String id = newSession();
      assertThat(ask(address(id), "sync", null).getString("sessionId")).isEqualTo(id);
    }
  }
}
