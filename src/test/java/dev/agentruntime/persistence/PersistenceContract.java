package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceException.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What every {@link PersistenceAdapter} has to do, sentence by sentence of its Javadoc. How to prove an adapter of your own:
 *
 * <pre>{@code
 * class MyPersistenceTest extends PersistenceContract {
 *   protected PersistenceAdapter open() {
 *     return new MyPersistence(urlOfAnEmptyStore);
 *   }
 * }
 * }</pre>
 *
 * <p>{@link #open()} is called before each test and gives an adapter, not started, on a store that holds nothing; or, if that is easier, on
 * a store that other tests have used: no test expects to be alone, and each makes sessions of its own. A test ends with {@code close()}. If
 * what is saved survives the adapter, extend {@link DurablePersistenceContract} instead, which asks for that too.
 *
 * <p>The parts are interfaces with tests, one for each group of promises: {@link RecordContract}, {@link ListingContract},
 * {@link TranscriptContract}, {@link FileContract}, {@link OwnershipContract}. To run against a slow store, raise
 * {@link StoreUnderTest#AWAIT_SECONDS} by the system property {@code contract.await.seconds}.
 */
public abstract class PersistenceContract implements RecordContract, ListingContract, TranscriptContract, FileContract, OwnershipContract {

  private PersistenceAdapter store;

  /** An adapter that has not been started. */
  protected abstract PersistenceAdapter open() throws Exception;

  @Override
  public final PersistenceAdapter store() {
    return store;
  }

  @BeforeEach
  void start() throws Exception {
    store = open();
    await(store.start());
  }

  @AfterEach
  void stop() {
    await(store.close());
  }

  @Test
  void answersAPing() {
    await(store.ping());
  }

  @Test
  void failsAfterTheEndInsteadOfAnsweringEmpty() {
    String id = create();
    await(store.close());

    refused(Kind.UNAVAILABLE, store.ping());
    refused(Kind.UNAVAILABLE, store.findSession(id));
    refused(Kind.UNAVAILABLE, store.loadSession(id, EPOCH));
    refused(Kind.UNAVAILABLE, store.listAllSessions(10, null));
    refused(Kind.UNAVAILABLE, store.readTranscript(id, "t", 0, 1));
    refused(Kind.UNAVAILABLE, store.readWorkspaceFile(id, "f", 0, 1));
    refused(Kind.UNAVAILABLE, store.saveTranscript(id, EPOCH, "t", 0, bytes("x")));
    refused(Kind.UNAVAILABLE, store.listAgentProfiles());
  }

  @Test
  void canBeClosedTwice() {
    await(store.close());
    await(store.close());
  }

  @Test
  void tellsAnUnknownProfileFromAFailure() {
    assertThat(await(store.loadAgentProfile("no such profile"))).isEmpty();
    assertThat(await(store.listAgentProfiles())).noneMatch(profile -> profile.id().equals("no such profile"));
  }
}
