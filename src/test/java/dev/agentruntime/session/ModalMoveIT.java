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
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.modal.FakeModal;
import dev.agentruntime.support.modal.Fault;
import dev.agentruntime.support.toy.StoredEnds;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Two servers on one store, each by its own id, with sandboxes on Modal: a session goes from one to the other in the middle of a turn. */
@Execution(ExecutionMode.CONCURRENT)
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
    first.unloadAll();
    second.unloadAll();
    first.close();
    second.close();
    SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "left: " + modal.alive());
    modal.close();
  }

  /** A store that is not closed with a server that uses it. */
  private static PersistenceAdapter shared() {
    return Intercepted.of(PersistenceAdapter.class, new InMemoryPersistence(),
        (method, arguments, real) -> method.getName().equals("close") ? Future.succeededFuture() : real.get());
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
        .containsExactly(words(100));
    assertThat(here.await(SessionEvent.ErrorEvent.class, error -> true).code()).isEqualTo(ErrorCode.CONFLICT);
    SandboxTraces.await(() -> first.sessions().getSession(session).isEmpty(), () -> "it is not let go of");
    assertThat(here.events()).filteredOn(SessionEvent.TurnCompleted.class::isInstance).isEmpty();
    await(second.sessions().sync(session));
    assertThat(StoredEnds.of(store, session)).extracting(end -> end.path("outcome").asText()).isEqualTo(List.of("success"));
    assertThat(modal.sandboxes()).hasSize(1);
  }

  /** The other's supervisor comes when the session is here again. */
  @Test
  void howeverTheyTakeItFromOneAnotherTheTurnEndsOnceAndWhole() {
    String session = first.newSession();
    Follower here = first.follow(session);
    Accepted running = first.send(session, "say 150 deltas every 20 ms");
    here.await(SessionEvent.BlockDelta.class, delta -> delta.delta().equals("word9 "));
    int started = modal.calls(ModalRpc.EXEC_START);
    modal.meet(ModalRpc.EXEC_START, Fault.delay(Duration.ofSeconds(1)));
    Future<byte[]> taken = second.sessions().get(session);
    SandboxTraces.await(() -> modal.calls(ModalRpc.EXEC_START) > started, () -> "the other does not ask for the sandbox");
    await(first.sessions().sync(session).otherwiseEmpty());
    here.await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.CONFLICT);
    await(first.sessions().get(session));
    await(taken.otherwiseEmpty());
    SandboxTraces.await(() -> !StoredEnds.of(store, session).isEmpty(), () -> "it never ends");
    assertThat(StoredEnds.of(store, session)).extracting(end -> end.path("outcome").asText()).isEqualTo(List.of("success"));
    assertThat(first.follow(session).start.blocks()).filteredOn(Block.AssistantText.class::isInstance).extracting(Block::text)
        .containsExactly(words(150));
    assertThat(running.turnId()).isEqualTo(StoredEnds.of(store, session).getFirst().path("turnId").asText());
    assertThat(modal.sandboxes()).hasSize(1);
  }

  private static String words(int count) {
    return IntStream.range(0, count).mapToObj(i -> "word" + i + " ").collect(Collectors.joining());
  }
}
