package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.modal.FakeModal;
import dev.agentruntime.support.toy.StoredEnds;
import io.vertx.core.Future;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two servers on one store, each by its own id, with sandboxes on Modal: a session goes from one to the other in the middle of a turn. */
class ModalMoveIT {

  @TempDir
  Path directory;
  private final PersistenceAdapter store = shared();
  private FakeModal modal;
  private TestRuntime first;
  private TestRuntime second;

  @BeforeEach
  void start() {
    modal = FakeModal.start(directory.resolve("modal"));
    first = runtime("first");
    second = runtime("second");
  }

  private TestRuntime runtime(String name) {
    Map<String, String> settings = new HashMap<>(modal.settings());
    // It notices by itself that its sandbox is another's.
    settings.put("AGENT_RUNTIME_SYNC_INTERVAL_MS", "3600000");
    return TestRuntime.start(directory.resolve(name), settings, own -> store);
  }

  @AfterEach
  void stop() {
    second.unloadAll();
    first.close();
    second.close();
    SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "left: " + modal.alive());
    modal.close();
  }

  /** A store that is not closed with a server that uses it. */
  private static PersistenceAdapter shared() {
    InMemoryPersistence store = new InMemoryPersistence();
    return (PersistenceAdapter) Proxy.newProxyInstance(ModalMoveIT.class.getClassLoader(), new Class<?>[] {PersistenceAdapter.class},
        (proxy, method, arguments) -> {
          try {
            return method.getName().equals("close") ? Future.succeededFuture() : method.invoke(store, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        });
  }

  @Test
  void theTurnGoesOnAtTheOtherAndHasNoEndHere() {
    String session = first.newSession();
    Follower here = first.follow(session);
    Accepted running = first.send(session, "say 100 deltas every 20 ms");
    here.await(SessionEvent.BlockDelta.class, delta -> delta.delta().equals("word9 "));
    Follower there = second.follow(session);
    assertThat(there.awaitTurn(running.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(there.fold().blocks()).filteredOn(Block.AssistantText.class::isInstance).extracting(Block::text)
        .containsExactly(IntStream.range(0, 100).mapToObj(i -> "word" + i + " ").collect(Collectors.joining()));
    assertThat(here.await(SessionEvent.ErrorEvent.class, error -> true).code()).isEqualTo(ErrorCode.CONFLICT);
    SandboxTraces.await(() -> first.sessions().getSession(session).isEmpty(), () -> "it is not let go of");
    assertThat(here.events()).filteredOn(SessionEvent.TurnCompleted.class::isInstance).isEmpty();
    await(second.sessions().sync(session));
    assertThat(StoredEnds.of(store, session)).extracting(end -> end.path("outcome").asText()).isEqualTo(List.of("success"));
    assertThat(modal.sandboxes()).hasSize(1);
  }
}
