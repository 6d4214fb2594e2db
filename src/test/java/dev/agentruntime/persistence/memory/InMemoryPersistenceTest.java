package dev.agentruntime.persistence.memory;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceContract;

class InMemoryPersistenceTest extends PersistenceContract {
  @Override
  protected PersistenceAdapter open() {
    return new InMemoryPersistence();
  }
}
