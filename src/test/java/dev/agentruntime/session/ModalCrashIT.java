package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.support.CrashableServer;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TinyAgent;
import dev.agentruntime.support.modal.FakeModal;
import dev.agentruntime.support.modal.Fault;
import io.vertx.grpc.common.GrpcStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Servers whose sandboxes are Modal's are killed, and the next on the same data takes up what they leave. */
@Execution(ExecutionMode.CONCURRENT)
class ModalCrashIT {

  @TempDir
  Path directory;
  private FakeModal modal;
  private final Map<String, String> settings = new HashMap<>();

  @BeforeEach
  void start() throws IOException {
    modal = FakeModal.start(directory.resolve("modal"));
    settings.putAll(modal.settings());
    settings.put("AGENT_RUNTIME_PROFILES_DIR", TinyAgent.profiles(directory).toString());
    settings.put("AGENT_RUNTIME_SANDBOX_REATTACH_TIMEOUT_MS", "5000");
  }

  @AfterEach
  void stop() {
    modal.close();
  }

  private Path data() {
    return directory.resolve("data");
  }

  private CrashableServer server() {
    return new CrashableServer(data(), null, settings);
  }

  private static String words(int count) {
    return IntStream.range(0, count).mapToObj(i -> "word" + i + " ").collect(Collectors.joining());
  }

  private static List<String> texts(List<Block> blocks) {
    return blocks.stream().filter(Block.AssistantText.class::isInstance).map(Block::text).toList();
  }

  /** The server is killed when the agent has begun to speak. @return the session */
  private static String cutOff(CrashableServer server, String text) {
    String session = server.newSession();
    server.follow(session);
    server.send(session, UUID.randomUUID().toString(), text);
    server.awaitFrame(frame -> frame.contains("\"word9 \""));
    server.kill();
    return session;
  }

  private void awaitNoSandbox() {
    SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "left: " + modal.alive());
  }

  @Test
  void aTurnGoesOnFromTheSameByteOnTheNextServer() {
    String session;
    try (CrashableServer server = server()) {
      session = cutOff(server, "say 150 deltas every 20 ms");
      assertThat(modal.alive()).hasSize(1);
      try (TestRuntime runtime = TestRuntime.start(data(), settings)) {
        Follower follower = runtime.follow(session);
        SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> "the turn runs on");
        assertThat(texts(follower.fold().blocks())).containsExactly(words(150));
        assertKeeps(server, follower);
        assertThat(follower.fold().blocks()).noneMatch(Block.ErrorNote.class::isInstance);
        assertThat(modal.sandboxes()).as("the one sandbox that there was").hasSize(1);
        assertThat(follower.awaitTurn(runtime.send(session, "recall").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
        runtime.unloadAll();
        awaitNoSandbox();
      }
    }
  }

  /** For longer than a call bears, and than those who want to use the server. */
  @Test
  void aTurnGoesOnThoughModalIsAwayWhenTheNextServerStarts() {
    String session;
    try (CrashableServer server = server()) {
      session = cutOff(server, "say 150 deltas every 20 ms");
    }
    modal.meet(ModalRpc.SANDBOX_GET_TASK_ID, 1_000_000, Fault.refuse(GrpcStatus.UNAVAILABLE));
    try (TestRuntime runtime = TestRuntime.start(data(), settings)) {
      modal.clearFaults();
      modal.meet(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS, 5, Fault.refuse(GrpcStatus.INTERNAL));
      Follower follower = runtime.follow(session);
      SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> "the turn runs on");
      assertThat(texts(follower.fold().blocks())).containsExactly(words(150));
      assertThat(follower.fold().blocks()).noneMatch(Block.ErrorNote.class::isInstance);
      runtime.unloadAll();
      awaitNoSandbox();
    }
  }

  /** Its server had asked for it, and was killed before Modal made it. */
  @Test
  void aSandboxThatNobodyWasToldOfIsEndedAndItsMessageRunsInAnother() {
    settings.put("AGENT_RUNTIME_SANDBOX_SWEEP_INTERVAL_MS", "200");
    modal.meet(ModalRpc.SANDBOX_CREATE, Fault.delay(Duration.ofSeconds(2)));
    String session;
    try (CrashableServer server = server()) {
      session = server.newSession();
      server.send(session, UUID.randomUUID().toString(), "say \"only once\"");
      SandboxTraces.await(() -> modal.calls(ModalRpc.SANDBOX_CREATE) == 1, () -> "no sandbox is asked for");
      server.kill();
    }
    SandboxTraces.await(() -> modal.alive().size() == 1, () -> "no sandbox is made");
    String orphan = modal.alive().getFirst().id();
    try (TestRuntime runtime = TestRuntime.start(data(), settings)) {
      Follower follower = runtime.follow(session);
      assertThat(follower.awaitTurn(runtime.send(session, "say after").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(texts(follower.fold().blocks())).containsExactly("only once", "after");
      SandboxTraces.await(() -> modal.alive().stream().noneMatch(sandbox -> sandbox.id().equals(orphan)), () -> "the orphan is there");
      assertThat(modal.alive()).hasSize(1);
      runtime.unloadAll();
      awaitNoSandbox();
    }
  }

  /** Its supervisor is never heard of; or it is, and takes no question any more. */
  static Stream<ModalRpc<?, ?>> waysToSayNothing() {
    return Stream.of(ModalRpc.EXEC_STDIO_READ, ModalRpc.EXEC_STDIN_WRITE);
  }

  @ParameterizedTest
  @MethodSource("waysToSayNothing")
  void aSandboxThatIsReachedAndSaysNothingIsGivenUp(ModalRpc<?, ?> silent) {
    try (CrashableServer server = server()) {
      String session = cutOff(server, "say 1000 deltas every 20 ms");
      String left = modal.alive().getFirst().id();
      modal.meet(silent, 1_000_000, Fault.hang());
      settings.put("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "2000");
      settings.put("AGENT_RUNTIME_SANDBOX_SWEEP_INTERVAL_MS", "200");
      try (TestRuntime runtime = TestRuntime.start(data(), settings)) {
        Follower follower = runtime.follow(session);
        SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> "the turn runs on");
        assertThat(follower.fold().blocks()).filteredOn(Block.ErrorNote.class::isInstance).singleElement()
            .satisfies(note -> assertThat(((Block.ErrorNote) note).message()).contains("the agent is gone"));
        awaitNoSandbox();
      }
      modal.clearFaults();
      settings.remove("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS");
      try (TestRuntime runtime = TestRuntime.start(data(), settings)) {
        Follower follower = runtime.follow(session);
        assertThat(follower.awaitTurn(runtime.send(session, "recall").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
        assertThat(modal.alive()).singleElement().satisfies(now -> assertThat(now.id()).isNotEqualTo(left));
        runtime.unloadAll();
        awaitNoSandbox();
      }
    }
  }

  /** What a client was told by the killed server is there, under the same ids, and at least that much of it. */
  private static void assertKeeps(CrashableServer before, Follower after) {
    Map<String, String> now = after.fold().blocks().stream().collect(Collectors.toMap(Block::id, Block::text));
    EventFold told = new EventFold();
    before.frames().forEach(frame -> {
      try {
        told.applyFrame(Json.tree(frame));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    });
    assertThat(told.blocks()).isNotEmpty().allSatisfy(block -> assertThat(now.get(block.id())).startsWith(block.text()));
  }
}
