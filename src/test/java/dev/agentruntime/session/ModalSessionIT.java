package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SandboxItem;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.EnvironmentGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteRequest;
import dev.agentruntime.support.CrashableServer;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.modal.FakeModal;
import dev.agentruntime.support.modal.Fault;
import dev.agentruntime.support.modal.RecordedCall;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Sessions whose sandboxes are Modal's, from the first message to the last sandbox' end. */
@Execution(ExecutionMode.CONCURRENT)
class ModalSessionIT {

  @TempDir
  Path directory;
  private FakeModal modal;

  @BeforeEach
  void start() {
    modal = FakeModal.start(directory.resolve("modal"));
  }

  @AfterEach
  void stop() {
    modal.close();
  }

  private TestRuntime runtime(Map<String, String> settings) {
    Map<String, String> environment = new HashMap<>(modal.environment());
    environment.putAll(settings);
    return TestRuntime.start(directory.resolve("data"), environment);
  }

  @Test
  void aConversationIsHeldRestoredAndLeavesNothing() {
    try (TestRuntime runtime = runtime(Map.of())) {
      String session = runtime.newSession();
      Follower before = runtime.follow(session);
      before.awaitTurn(runtime.send(session, "say \"first words\" in 4 deltas every 1 ms; write a/notes.txt: hello").turnId());
      before.assertFoldIsSnapshot();
      assertThat(statusMessages(before)).containsSubsequence("Creating the sandbox", "Preparing the image", "Building the image",
          "Creating a sandbox on Modal", "Connecting to the sandbox", "Restoring the workspace", "Preparing the agent", "Starting the agent");
      List<SandboxItem> sandboxes = await(runtime.sessions().sandboxes());
      assertThat(sandboxes).singleElement().satisfies(item -> {
        assertThat(item.sessionId()).isEqualTo(session);
        assertThat(item.state()).isEqualTo(SandboxItem.State.READY);
        assertThat(item.sandboxId()).isEqualTo(modal.alive().getFirst().id());
      });
      assertThat(modal.alive().getFirst().tags()).containsEntry("agent-runtime-session", session)
          .containsEntry("agent-runtime-owner", before.start.epoch()).containsKeys("agent-runtime", "agent-runtime-creation");
      await(runtime.sessions().unload(session));
      assertThat(modal.alive()).isEmpty();
      assertThat(await(runtime.sessions().sandboxes())).isEmpty();

      Follower after = runtime.follow(session);
      after.awaitTurn(runtime.send(session, "recall").turnId());
      assertThat(after.fold().blocks().stream().map(Block::text).filter(Objects::nonNull)).anyMatch(text -> text.contains("first words"));
      assertThat(await(runtime.sessions().readFile(session, "a/notes.txt", 0, 100))).isEqualTo(Buffer.buffer("hello"));
      assertThat(modal.images()).hasSize(1);
      runtime.unloadAll();
    }
    assertThat(modal.alive()).isEmpty();
  }

  @Test
  void aStartMakesFewCalls() {
    try (TestRuntime runtime = runtime(Map.of())) {
      String first = runtime.newSession();
      runtime.follow(first).awaitTurn(runtime.send(first, "say \"x\"").turnId());
      await(runtime.sessions().unload(first));
      modal.forgetCalls();
      String session = runtime.newSession();
      Follower follower = runtime.follow(session);
      SendMessage.Accepted accepted = runtime.send(session, "say 40 deltas every 50 ms");
      follower.await(SessionEvent.BlockDelta.class, delta -> true);
      List<RecordedCall> calls = callsUntilTheAgentHas("say 40 deltas");
      // Those that are asked at once share a write.
      assertThat(questions(calls)).containsExactly("watch", "list", "start", "follow", "input");
      Map<String, Long> counts = calls.stream().collect(Collectors.groupingBy(RecordedCall::name, Collectors.counting()));
      assertThat(counts.remove(ModalRpc.EXEC_STDIN_WRITE.name())).isBetween(1L, 5L);
      assertThat(counts).isEqualTo(Map.of(ModalRpc.SANDBOX_CREATE.name(), 1L, ModalRpc.EXEC_START.name(), 1L, ModalRpc.EXEC_STDIO_READ.name(), 1L));
      follower.awaitTurn(accepted.turnId());
      runtime.unloadAll();
    }
  }

  /** Without what is said to the sandbox while the turn runs, of which there is more the later one looks. */
  private List<RecordedCall> callsUntilTheAgentHas(String message) {
    List<RecordedCall> calls = modal.recorded();
    int given = IntStream.range(0, calls.size()).filter(i -> written(calls.get(i)).contains(message)).findFirst().orElseThrow();
    return calls.subList(0, given + 1);
  }

  /** What the supervisor is asked to do. */
  private static List<String> questions(List<RecordedCall> calls) {
    String written = calls.stream().map(ModalSessionIT::written).collect(Collectors.joining());
    return Pattern.compile("\"op\":\"(\\w+)\"").matcher(written).results().map(found -> found.group(1)).toList();
  }

  private static String written(RecordedCall call) {
    return call.question() instanceof TaskExecStdinWriteRequest write ? write.getData().toStringUtf8() : "";
  }

  @Test
  void theEnvironmentAndTheImageBuilderAreThoseOfTheVariables() {
    try (TestRuntime runtime = runtime(Map.of("MODAL_ENVIRONMENT", "staging", "MODAL_IMAGE_BUILDER_VERSION", "2024.10"))) {
      String session = runtime.newSession();
      runtime.follow(session).awaitTurn(runtime.send(session, "say \"x\"").turnId());
      runtime.unloadAll();
    }
    assertThat(modal.recorded(ModalRpc.APP_GET_OR_CREATE)).singleElement().satisfies(call ->
        assertThat(((AppGetOrCreateRequest) call.question()).getEnvironmentName()).isEqualTo("staging"));
    assertThat(modal.recorded(ModalRpc.IMAGE_GET_OR_CREATE)).singleElement().satisfies(call ->
        assertThat(((ImageGetOrCreateRequest) call.question()).getBuilderVersion()).isEqualTo("2024.10"));
    assertThat(modal.calls(ModalRpc.ENVIRONMENT_GET_OR_CREATE)).isZero();
    modal.forgetCalls();
    try (TestRuntime runtime = runtime(Map.of("MODAL_ENVIRONMENT", "staging", "MODAL_IMAGE_BUILDER_VERSION", ""))) {
      assertThat(modal.recorded(ModalRpc.ENVIRONMENT_GET_OR_CREATE)).singleElement().satisfies(call ->
          assertThat(((EnvironmentGetOrCreateRequest) call.question()).getDeploymentName()).isEqualTo("staging"));
      runtime.unloadAll();
    }
  }

  @Test
  void aSandboxThatDiesMidTurnEndsTheTurnAndTheNextHasAnother() {
    try (TestRuntime runtime = runtime(Map.of())) {
      String session = runtime.newSession();
      Follower follower = runtime.follow(session);
      follower.awaitTurn(runtime.send(session, "say \"remembered\"; write kept.txt: kept").turnId());
      await(runtime.sessions().sync(session));
      SendMessage.Accepted cut = runtime.send(session, "say 1000 deltas every 20 ms");
      follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().contains("word9 "));
      modal.end(modal.alive().getFirst().id(), GenericStatus.GENERIC_STATUS_MEMORY_MANAGER_EVICTION);
      SessionEvent.TurnCompleted ended = follower.awaitTurn(cut.turnId());
      assertThat(ended.outcome()).isEqualTo(TurnOutcome.ERROR);
      SessionEvent.TurnCompleted next = follower.awaitTurn(runtime.send(session, "recall").turnId());
      assertThat(next.outcome()).as(next.error()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(follower.fold().blocks().stream().map(Block::text).filter(Objects::nonNull)).anyMatch(text -> text.contains("remembered"));
      assertThat(modal.alive()).hasSize(1);
      follower.assertFoldIsSnapshot();
      runtime.unloadAll();
    }
  }

  @Test
  void aTurnGoesOnAtItsByteAfterItsServerWasKilled() {
    Map<String, String> settings = new HashMap<>(modal.environment());
    settings.put("AGENT_RUNTIME_SANDBOX_REATTACH_TIMEOUT_MS", "10000");
    try (CrashableServer server = new CrashableServer(directory.resolve("data"), null, settings)) {
      String session = server.newSession();
      server.follow(session);
      server.send(session, UUID.randomUUID().toString(), "say 120 deltas every 20 ms");
      server.awaitFrame(frame -> frame.contains("\"word9 \""));
      server.kill();
      try (TestRuntime runtime = TestRuntime.start(directory.resolve("data"), settings)) {
        Follower follower = runtime.follow(session);
        SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> "the turn runs");
        assertThat(follower.fold().blocks()).noneMatch(Block.ErrorNote.class::isInstance);
        assertThat(follower.fold().blocks().stream().map(Block::text).filter(Objects::nonNull))
            .contains(IntStream.range(0, 120).mapToObj(i -> "word" + i + " ").collect(Collectors.joining()));
        assertThat(modal.sandboxes()).hasSize(1);
        assertThat(follower.awaitTurn(runtime.send(session, "recall").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
        runtime.unloadAll();
      }
    }
    assertThat(modal.alive()).isEmpty();
  }

  @Test
  void manyFilesAreToldSavedAndRestoredInFewCalls() {
    try (TestRuntime runtime = runtime(Map.of())) {
      String session = runtime.newSession();
      for (int i = 0; i < 200; i++) {
        await(runtime.sessions().writeFile(session, "d/" + i, Buffer.buffer("content " + i)));
      }
      Follower follower = runtime.follow(session);
      follower.awaitTurn(runtime.send(session, "say \"x\"").turnId());
      await(runtime.sessions().sync(session));
      assertThat(modal.calls(ModalRpc.EXEC_STDIN_WRITE)).isLessThan(20);
      Path folder = modal.path(modal.alive().getFirst().id(), "/agent/workspace/d");
      assertThat(folder.resolve("199")).hasContent("content 199");
      int before = modal.calls(ModalRpc.EXEC_STDIN_WRITE);
      follower.awaitTurn(runtime.send(session, "parallel tools").turnId());
      for (int i = 0; i < 60; i++) {
        write(folder.resolve(i + ".new"), "new " + i);
      }
      follower.await(SessionEvent.FileCreated.class, created -> created.file().path().equals("d/59.new"));
      await(runtime.sessions().sync(session));
      assertThat(await(runtime.sessions().listFiles(session))).hasSizeGreaterThanOrEqualTo(260);
      assertThat(modal.calls(ModalRpc.EXEC_STDIN_WRITE) - before).as("calls, for 60 files").isLessThan(60);
      await(runtime.sessions().unload(session));
      assertThat(await(runtime.sessions().readFile(session, "d/50.new", 0, 100))).isEqualTo(Buffer.buffer("new 50"));
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aSessionThatOutlivesItsSandboxGoesOnInANewOne() {
    try (TestRuntime runtime = runtime(Map.of("MODAL_LIFETIME_MS", "600000", "MODAL_RENEW_BEFORE_MS", "599000"))) {
      String session = runtime.newSession();
      Follower follower = runtime.follow(session);
      follower.awaitTurn(runtime.send(session, "say \"before\"; write kept.txt: kept; slow 1100 ms").turnId());
      String first = modal.alive().getFirst().id();
      follower.awaitTurn(runtime.send(session, "recall").turnId());
      assertThat(modal.alive()).singleElement().satisfies(now -> assertThat(now.id()).isNotEqualTo(first));
      assertThat(follower.fold().blocks().stream().map(Block::text).filter(Objects::nonNull)).anyMatch(text -> text.contains("before"));
      assertThat(follower.fold().completedTurns()).allMatch(turn -> turn.outcome() == TurnOutcome.SUCCESS);
      assertThat(statusMessages(follower)).contains("Moving to a new sandbox, because this one is close to the end of its lifetime");
      follower.assertFoldIsSnapshot();
      runtime.unloadAll();
    }
  }

  @Test
  void whatNoSessionOwnsIsEndedAndWhatIsOthersIsNot() {
    String orphan;
    try (TestRuntime lost = runtime(Map.of())) {
      String session = lost.newSession();
      Follower follower = lost.follow(session);
      lost.send(session, "say 1000 deltas every 50 ms");
      follower.await(SessionEvent.BlockDelta.class, delta -> true);
      orphan = modal.alive().getFirst().id();
    }
    try (TestRuntime other = TestRuntime.start(directory.resolve("other"), withSweeps())) {
      String session = other.newSession();
      Follower follower = other.follow(session);
      other.send(session, "say 1000 deltas every 50 ms");
      follower.await(SessionEvent.BlockDelta.class, delta -> true);
      assertThat(await(other.sessions().sandboxes())).hasSize(1);
      Map<String, String> forgetful = new HashMap<>(withSweeps());
      forgetful.put("AGENT_RUNTIME_STORE_URL", "memory:");
      try (TestRuntime next = TestRuntime.start(directory.resolve("data"), forgetful)) {
        SandboxTraces.await(() -> modal.alive().stream().noneMatch(sandbox -> sandbox.id().equals(orphan)), () -> "the orphan is there still");
        assertThat(await(next.sessions().sandboxes())).isEmpty();
      }
      assertThat(modal.alive()).hasSize(1);
      other.unloadAll();
    }
    assertThat(modal.alive()).isEmpty();
  }

  @Test
  void aSandboxWhoseRuntimeIsGoneIsIdleThoughItsAgentWaits() {
    Map<String, String> settings = Map.of("MODAL_LEASE_MS", "1000", "MODAL_IDLE_TIMEOUT_MS", "30000");
    try (TestRuntime runtime = runtime(settings)) {
      String session = runtime.newSession();
      Follower follower = runtime.follow(session);
      follower.awaitTurn(runtime.send(session, "say \"x\"").turnId());
      // While the runtime lives, and whatever its lease is, the sandbox is not idle.
      modal.timePasses(Duration.ofMinutes(10));
      follower.awaitTurn(runtime.send(session, "slow 2500 ms; say \"y\"").turnId());
      assertThat(modal.alive()).singleElement().satisfies(sandbox -> assertThat(sandbox.activeExecs()).isEqualTo(1));
      // From now on it is as dead to Modal as a killed one.
      modal.meet(ModalRpc.EXEC_STDIN_WRITE, 1_000_000, Fault.hang());
      modal.meet(ModalRpc.EXEC_START, 1_000_000, Fault.hang());
      SandboxTraces.await(() -> modal.alive().getFirst().activeExecs() == 0, () -> "the supervisor runs without a runtime");
      modal.timePasses(Duration.ofSeconds(31));
      SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "the sandbox is not ended for being idle");
      modal.clearFaults();
    }
  }

  @Test
  void aStartThatFailsSaysWhyAndLeavesNothing() {
    try (TestRuntime runtime = runtime(Map.of("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "3000"))) {
      String session = runtime.newSession();
      Follower follower = runtime.follow(session);
      modal.failNextBuild(GenericStatus.GENERIC_STATUS_FAILURE, "no such package");
      assertThat(follower.awaitTurn(runtime.send(session, "say \"x\"").turnId()).error()).contains("image", "no such package");
      modal.capacity(false);
      assertThat(follower.awaitTurn(runtime.send(session, "say \"x\"").turnId()).outcome()).isEqualTo(TurnOutcome.ERROR);
      SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "a sandbox is left of a start that failed");
      modal.capacity(true);
      modal.meet(ModalRpc.EXEC_START, 1, Fault.refuse(GrpcStatus.INTERNAL));
      assertThat(follower.awaitTurn(runtime.send(session, "say \"now\"").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      runtime.unloadAll();
    }
    assertThat(modal.alive()).isEmpty();
  }

  private Map<String, String> withSweeps() {
    Map<String, String> environment = new HashMap<>(modal.environment());
    environment.put("AGENT_RUNTIME_SANDBOX_SWEEP_INTERVAL_MS", "100");
    return environment;
  }

  private static List<String> statusMessages(Follower follower) {
    return follower.events().stream().filter(SessionEvent.StatusChanged.class::isInstance)
        .map(event -> ((SessionEvent.StatusChanged) event).runtime().sandbox()).filter(Objects::nonNull)
        .map(RuntimeState.Sandbox::statusMessage).filter(Objects::nonNull).distinct().toList();
  }
}
