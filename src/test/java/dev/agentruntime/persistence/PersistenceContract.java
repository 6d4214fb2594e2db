package dev.agentruntime.persistence;

import dev.agentruntime.persistence.PersistenceException.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What every {@link PersistenceAdapter} has to do, sentence by sentence of its Javadoc.
 *
 * <h2>How to prove an adapter of your own</h2>
 *
 * <ol>
 *   <li>Take the contract as a dependency: it is the project's test-jar (beside the project itself, JUnit and AssertJ, which a test-jar does not
 *       bring). {@code mvn install -DskipTests} in the project makes both.
 *       <pre>{@code
 *       <dependency>
 *         <groupId>dev.agentruntime</groupId>
 *         <artifactId>agent-runtime</artifactId>
 *         <version>the one you use</version>
 *         <type>test-jar</type>
 *         <scope>test</scope>
 *       </dependency>
 *       }</pre>
 *   <li>Extend this class and say how an adapter is made. That is all:
 *       <pre>{@code
 *       class MyPersistenceTest extends PersistenceContract {
 *         @Override
 *         protected PersistenceAdapter open() {
 *           return new MyPersistence("my-store://localhost/test");
 *         }
 *       }
 *       }</pre>
 *       {@link #open()} is called before each test and gives an adapter that is not started, on a store that is empty or that earlier
 *       tests have used: no test expects to be alone in it, and each makes sessions of its own. The contract calls {@code start()} before
 *       and {@code close()} after each test. Use the real store; a mock of it proves nothing. {@code FolderPersistence}, among the examples, is
 *       an adapter of less than a hundred lines that passes: it extends {@link BlobPersistence}, which keeps the promises for whatever can
 *       read, replace, append to and erase named bytes.
 *   <li>If what is saved outlives the adapter, extend {@link DurablePersistenceContract} instead. It opens several adapters on one store,
 *       as several nodes do.
 *   <li>Prove what no contract can know: kill your process (and your store's server) while it saves, and look for each save whose future
 *       had completed. {@code SqliteDurabilityIT} is an example.
 *   <li>If your store is slow or far away, give its answers more time: {@code -Dcontract.await.seconds=300}.
 * </ol>
 *
 * <p>The parts are interfaces with tests, one for each group of promises, to be read one after another: {@link RecordContract} (records,
 * ids, erasure), {@link ListingContract} (pages), {@link TranscriptContract} (appends, ranges, repeated writes, sizes),
 * {@link FileContract}, {@link OwnershipContract} (who may write) and {@link ProfileContract}. A failing test names the promise; the sentence is in the
 * interface's Javadoc. What most adapters get wrong at first: case or trailing spaces of ids (collations), {@code null} against an empty
 * name, the owner checked in one statement and written in another, an append whose answer was lost, a write that is repeated while the first
 * attempt may still be on its way and is done after newer ones, a session that is made after it was erased, an empty answer where the
 * store could not be read.
 */
public abstract class PersistenceContract implements RecordContract, ListingContract, TranscriptContract, FileContract, OwnershipContract,
    ProfileContract {

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
    refused(Kind.UNAVAILABLE, store.inspectSession(id));
    refused(Kind.UNAVAILABLE, store.listAllSessions(10, null));
    refused(Kind.UNAVAILABLE, store.listRecoverableSessions(10, null));
    refused(Kind.UNAVAILABLE, store.readTranscript(id, "t", 0, 1));
    refused(Kind.UNAVAILABLE, store.readWorkspaceFile(id, "f", 0, 1));
    refused(Kind.UNAVAILABLE, store.createSessionRecord(record("new"), EPOCH));
    refused(Kind.UNAVAILABLE, store.updateSessionRecord(record(id), EPOCH));
    refused(Kind.UNAVAILABLE, store.renewEpoch(id, EPOCH, "epoch-2"));
    refused(Kind.UNAVAILABLE, store.saveTranscript(id, EPOCH, "t", 0, bytes("x")));
    refused(Kind.UNAVAILABLE, store.replaceTranscript(id, EPOCH, "t", bytes("x")));
    refused(Kind.UNAVAILABLE, store.saveWorkspaceFile(id, EPOCH, "f", 0, bytes("x")));
    refused(Kind.UNAVAILABLE, store.deleteSessionFile(id, EPOCH, "f"));
    refused(Kind.UNAVAILABLE, store.deleteSession(id, EPOCH));
    refused(Kind.UNAVAILABLE, store.listAgentProfiles());
    refused(Kind.UNAVAILABLE, store.loadAgentProfile("p"));
    refused(Kind.UNAVAILABLE, store.saveAgentProfile(new StoredProfile("p", "v", json("{}")), null));
    refused(Kind.UNAVAILABLE, store.deleteAgentProfile("p", "v"));
  }

  @Test
  void canBeClosedTwice() {
    await(store.close());
    await(store.close());
  }
}
