package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingRequest;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TinyAgent;
import dev.agentruntime.support.modal.FakeModal;
import dev.agentruntime.support.modal.Fault;
import io.vertx.grpc.common.GrpcStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Conversations whose sandboxes are Modal's, when Modal does not do what it should. */
@Execution(ExecutionMode.CONCURRENT)
class ModalTroubleIT {

  private static final String LONG_TEXT = "say 100 deltas every 20 ms";

  @TempDir
  Path directory;
  private FakeModal modal;
  private TestRuntime runtime;

  @BeforeEach
  void startModal() {
    modal = FakeModal.start(directory.resolve("modal"));
  }

  private void start(String... variables) throws IOException {
    Map<String, String> settings = new HashMap<>(modal.settings());
    settings.put("AGENT_RUNTIME_PROFILES_DIR", TinyAgent.profiles(directory).toString());
    for (int i = 0; i < variables.length; i += 2) {
      settings.put(variables[i], variables[i + 1]);
    }
    runtime = TestRuntime.start(directory.resolve("data"), settings);
  }

  @AfterEach
  void nothingIsLeft() {
    runtime.unloadAll();
    SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "left: " + modal.alive());
    runtime.close();
    modal.close();
  }

  private static String words(int count) {
    return IntStream.range(0, count).mapToObj(i -> "word" + i + " ").collect(Collectors.joining());
  }

  private static void awaitDelta(Follower follower, String text) {
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().equals(text));
  }

  private SessionEvent.TurnCompleted turn(Follower follower, String session, String text) {
    return follower.awaitTurn(runtime.send(session, text).turnId());
  }

  private static List<String> texts(Follower follower) {
    return follower.fold().blocks().stream().filter(Block.AssistantText.class::isInstance).map(Block::text).toList();
  }

  @Test
  void aSandboxThatDiesMidTurnIsAnErrorAndTheNextOneKnowsTheConversation() throws IOException {
    start();
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    assertThat(turn(follower, session, "say remember; write notes.txt: kept").outcome()).isEqualTo(TurnOutcome.SUCCESS);
    String turnId = runtime.send(session, LONG_TEXT).turnId();
    awaitDelta(follower, "word9 ");
    modal.end(modal.alive().getFirst().id(), GenericStatus.GENERIC_STATUS_INTERNAL_FAILURE);
    SessionEvent.TurnCompleted ended = follower.awaitTurn(turnId);
    assertThat(ended.outcome()).isEqualTo(TurnOutcome.ERROR);
    assertThat(ended.error()).isNotBlank();
    assertThat(turn(follower, session, "recall").outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(texts(follower).getLast()).contains("remember");
    assertThat(await(runtime.sessions().listFiles(session)).toString()).contains("notes.txt");
    assertThat(follower.fold().completedTurns()).hasSize(3);
    follower.assertFoldIsSnapshot();
    assertThat(modal.sandboxes()).hasSize(2);
  }

  @Test
  void aNetworkThatFailsMidTurnIsNotNoticed() throws IOException {
    start();
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    String turnId = runtime.send(session, LONG_TEXT).turnId();
    for (int word = 9; word < 90; word += 20) {
      awaitDelta(follower, "word" + word + " ");
      modal.killConnections();
    }
    assertThat(follower.awaitTurn(turnId).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(texts(follower)).containsExactly(words(100));
    follower.assertFoldIsSnapshot();
  }

  @Test
  void tokensThatAreNotTakenAnyMoreAreNotNoticed() throws IOException {
    start();
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    String turnId = runtime.send(session, LONG_TEXT).turnId();
    awaitDelta(follower, "word9 ");
    modal.revokeRouterTokens();
    modal.killConnections();
    assertThat(follower.awaitTurn(turnId).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(texts(follower)).containsExactly(words(100));
  }

  @Test
  void anImageThatCannotBeBuiltIsToldAndTriedAgain() throws IOException {
    start();
    String session = runtime.newSession("tiny");
    Follower follower = runtime.follow(session);
    modal.failNextBuild(GenericStatus.GENERIC_STATUS_FAILURE, "npm error 404 not in this registry");
    SessionEvent.TurnCompleted ended = turn(follower, session, "hello");
    assertThat(ended.outcome()).isEqualTo(TurnOutcome.ERROR);
    assertThat(ended.error()).startsWith("The image could not be built, at \"1: RUN apt-get update ")
        .contains("The end of its log:\nnpm error 404 not in this registry\n");
    assertThat(follower.fold().snapshot().session().runtime().sandbox()).satisfies(sandbox -> {
      assertThat(sandbox.status()).isEqualTo(RuntimeState.SandboxStatus.TERMINATED);
      assertThat(sandbox.statusMessage()).isEqualTo(ended.error());
    });
    assertThat(modal.sandboxes()).isEmpty();
    assertThat(turn(follower, session, "hello").outcome()).isEqualTo(TurnOutcome.SUCCESS);
  }

  /** Once between two messages, and once in the middle of one. */
  @Test
  void aBuildWhoseLogIsCutOffIsFollowedOnAndSaysNothingTwice() throws IOException {
    start();
    modal.meet(ModalRpc.IMAGE_JOIN_STREAMING, Fault.breakAfter(1, GrpcStatus.UNAVAILABLE));
    modal.meet(ModalRpc.IMAGE_JOIN_STREAMING, Fault.cutAfter(20));
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    assertThat(turn(follower, session, "say built").outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(modal.recorded(ModalRpc.IMAGE_JOIN_STREAMING)).extracting(call -> ((ImageJoinStreamingRequest) call.question()).getLastEntryId())
        .containsExactly("", "1", "1");
    List<String> steps = follower.events().stream().filter(SessionEvent.StatusChanged.class::isInstance)
        .map(event -> ((SessionEvent.StatusChanged) event).runtime().sandbox()).filter(Objects::nonNull)
        .map(RuntimeState.Sandbox::statusMessage).filter(message -> message != null && message.contains("=> Step")).toList();
    assertThat(steps).hasSameSizeAs(modal.images().getFirst()).doesNotHaveDuplicates();
    assertThat(modal.images()).hasSize(1);
  }

  @Test
  void aBuildIsNotLostWithTheWayToModal() throws IOException {
    start();
    modal.meet(ModalRpc.IMAGE_JOIN_STREAMING, 5, Fault.refuse(GrpcStatus.UNAVAILABLE));
    String session = runtime.newSession();
    assertThat(turn(runtime.follow(session), session, "say built").outcome()).isEqualTo(TurnOutcome.SUCCESS);
  }

  @Test
  void aBuildIsFollowedThroughTheWaitsThatModalAsksFor() throws IOException {
    start();
    modal.meet(ModalRpc.IMAGE_JOIN_STREAMING, 12, Fault.throttle(Duration.ofMillis(20)));
    String session = runtime.newSession();
    assertThat(turn(runtime.follow(session), session, "say built").outcome()).isEqualTo(TurnOutcome.SUCCESS);
  }

  /** Which may go on for a minute. */
  @Test
  void aBuildHasEndedWhenItsResultIsThereAndNotWithItsLog() throws IOException {
    start("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "20000");
    modal.meet(ModalRpc.IMAGE_JOIN_STREAMING, Fault.linger());
    String session = runtime.newSession("tiny");
    SessionEvent.TurnCompleted ended = turn(runtime.follow(session), session, "hello");
    assertThat(ended.outcome()).as(ended.error()).isEqualTo(TurnOutcome.SUCCESS);
  }

  @Test
  void anImageAndAnAppThatModalHasNoMoreAreMadeAnew() throws IOException {
    start();
    String session = runtime.newSession("tiny");
    Follower follower = runtime.follow(session);
    assertThat(turn(follower, session, "hello").outcome()).isEqualTo(TurnOutcome.SUCCESS);
    for (Runnable loss : List.<Runnable>of(modal::forgetImages, modal::stopApps)) {
      await(runtime.sessions().unload(session));
      loss.run();
      follower = runtime.follow(session);
      SessionEvent.TurnCompleted ended = turn(follower, session, "hello");
      assertThat(ended.outcome()).as(ended.error()).isEqualTo(TurnOutcome.SUCCESS);
    }
  }

  @Test
  void aBuildWhoseLogMayNotBeReadIsGivenUp() throws IOException {
    start();
    modal.meet(ModalRpc.IMAGE_JOIN_STREAMING, Fault.refuse(GrpcStatus.PERMISSION_DENIED));
    String session = runtime.newSession();
    assertThat(turn(runtime.follow(session), session, "say built").outcome()).isEqualTo(TurnOutcome.ERROR);
    assertThat(modal.recorded(ModalRpc.IMAGE_JOIN_STREAMING)).hasSize(1);
  }

  @Test
  void aSandboxThatWasMadeAndNotToldOfIsTheOneThatIsUsed() throws IOException {
    start();
    modal.meet(ModalRpc.SANDBOX_CREATE, 3, Fault.loseAnswer());
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    assertThat(turn(follower, session, "say made").outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(modal.recorded(ModalRpc.SANDBOX_CREATE)).extracting(call -> call.headers().get("x-idempotency-key")).hasSize(4).containsOnly(
        modal.recorded(ModalRpc.SANDBOX_CREATE).getFirst().headers().get("x-idempotency-key"));
    assertThat(modal.sandboxes()).hasSize(1);
    assertThat(await(runtime.sessions().sandboxes())).singleElement()
        .satisfies(item -> assertThat(item.sandboxId()).isEqualTo(modal.alive().getFirst().id()));
  }

  @Test
  void aSandboxOfWhichNoAnswerEverTellsIsEndedAtOnce() throws IOException {
    start();
    modal.meet(ModalRpc.SANDBOX_CREATE, 4, Fault.loseAnswer());
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    assertThat(turn(follower, session, "say lost").outcome()).isEqualTo(TurnOutcome.ERROR);
    assertThat(modal.sandboxes()).singleElement().satisfies(lost -> assertThat(lost.alive()).isFalse());
    assertThat(turn(follower, session, "say made").outcome()).isEqualTo(TurnOutcome.SUCCESS);
  }

  @Test
  void anImageThatTakesTooLongIsSaidToAndIsThereForALaterTurn() throws IOException {
    start("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "5000");
    String session = runtime.newSession("tiny");
    Follower follower = runtime.follow(session);
    modal.meet(ModalRpc.IMAGE_JOIN_STREAMING, Fault.hang());
    SessionEvent.TurnCompleted ended = turn(follower, session, "hello");
    assertThat(ended.error()).isEqualTo("This took too long: Building the image.");
    assertThat(follower.fold().snapshot().session().runtime().sandbox().statusMessage()).isEqualTo(ended.error());
    modal.killConnections();
    assertThat(turn(follower, session, "hello").outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(modal.images()).hasSize(1);
  }

  @Test
  void withoutCapacityATurnEndsAndNothingWaitsForever() throws IOException {
    start("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "4000");
    String session = runtime.newSession("tiny");
    Follower follower = runtime.follow(session);
    modal.capacity(false);
    assertThat(turn(follower, session, "hello").outcome()).isEqualTo(TurnOutcome.ERROR);
    SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "left: " + modal.alive());
    modal.meet(ModalRpc.SANDBOX_CREATE, Fault.refuse(GrpcStatus.RESOURCE_EXHAUSTED, "no more sandboxes for you"));
    SessionEvent.TurnCompleted refused = turn(follower, session, "hello");
    assertThat(refused.outcome()).isEqualTo(TurnOutcome.ERROR);
    assertThat(refused.error()).contains("no more sandboxes for you");
    modal.capacity(true);
    modal.meet(ModalRpc.SANDBOX_CREATE, 2, Fault.throttle(Duration.ofMillis(200)));
    assertThat(turn(follower, session, "hello").outcome()).isEqualTo(TurnOutcome.SUCCESS);
  }
}
