package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TroubledStore;
import dev.agentruntime.support.TroubledStore.Trouble;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import org.junit.jupiter.api.Test;

/** A session is made as a whole or not at all. */
class SessionCreationTest {

  private final InMemoryPersistence memory = ToyServer.store();
  private final TroubledStore store = new TroubledStore(memory);

  private int stored() {
    return await(memory.listAllSessions(10, null)).sessions().size();
  }

  /** It is there, nobody was told of it, and it has none of its files. */
  @Test
  void aSessionThatCouldNotBeMadeIsErasedWhenTheStoreIsBack() {
    try (ToyServer server = new ToyServer(new ToyWorld(), store.adapter())) {
      store.set(Trouble.BREAKS);
      assertThatThrownBy(server::newSession).isInstanceOfSatisfying(ApiException.class,
          e -> assertThat(e.code()).isEqualTo(ErrorCode.STORE_FAILED));
      assertThat(stored()).isEqualTo(1);
      store.set(Trouble.NONE);
      SandboxTraces.await(() -> stored() == 0, () -> "it stays");
    }
  }
}
