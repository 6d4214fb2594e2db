package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.WhenBusy;
import dev.agentruntime.sandbox.SandboxPath;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TroubledStore.Trouble;
import dev.agentruntime.support.toy.StoredEnds;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** Moments at which it matters what exactly is away, dead or in between. */
class SessionTroubleTest extends TroubledSession {

  /** A turn runs, another waits, and the store goes away: the second has begun and is not given to the agent. @return the second */
  private Accepted beginUndelivered(String text) {
    outcome(send("say warm"));
    Accepted running = send("hang");
    awaitSaid("hang");
    Accepted next = send(text);
    store.set(Trouble.HANGS);
    await(server.sessions.interrupt(session));
    outcome(running);
    follower.await(SessionEvent.TurnStarted.class, started -> started.turnId().equals(next.turnId()));
    return next;
  }

  @Test
  void optionsThatAnInterruptedTurnDidNotBringAreBroughtByTheNext() {
    restart(Map.of("AGENT_RUNTIME_STORE_TIMEOUT_MS", "3000"));
    outcome(send("say warm"));
    Accepted running = send("hang");
    awaitSaid("hang");
    await(server.sessions.options(session, Json.object().put("model", "other")));
    Accepted interrupted = send("say never");
    store.set(Trouble.HANGS);
    await(server.sessions.interrupt(session));
    outcome(running);
    follower.await(SessionEvent.TurnStarted.class, started -> started.turnId().equals(interrupted.turnId()));
    await(server.sessions.interrupt(session));
    assertThat(outcome(interrupted)).isEqualTo(TurnOutcome.INTERRUPTED);
    store.set(Trouble.NONE);

    assertThat(outcome(send("say now"))).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks().getLast()).isInstanceOfSatisfying(Block.AssistantText.class,
        block -> assertThat(block.model()).isEqualTo("other"));
  }

  @Test
  void aMessageIsNotGivenToAnAgentThatDiedBeforeButToTheNext() {
    Accepted next = beginUndelivered("say after all");
    world.killAgents();
    SandboxTraces.await(() -> world.agents() == 0, () -> "it lives");
    await(server.sessions.get(session));
    store.set(Trouble.NONE);
    assertThat(outcome(next)).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks().getLast().text()).isEqualTo("say after all");
  }

  @Test
  void anAgentThatEndsAtOnceIsAnErrorThatSaysSo() {
    session = server.newSession("stillborn");
    follower = server.follow(session);
    SessionEvent.TurnCompleted completed = follower.awaitTurn(send("say hello").turnId());
    assertThat(completed.outcome()).isEqualTo(TurnOutcome.ERROR);
    assertThat(completed.error()).contains("exit code 3");
  }

  @Test
  void whatTheStoreSaysAfterALostAnswerIsNotBelievedToBeWhatItWas() {
    await(server.sessions.patch(session, "first", null));
    store.set(Trouble.LOSES_ANSWERS);
    assertThatThrownBy(() -> await(server.sessions.patch(session, "second", null))).isInstanceOf(ApiException.class);
    store.set(Trouble.NONE);
    await(server.sessions.patch(session, "first", null));
    assertThat(await(memory.findSession(session)).orElseThrow().name()).isEqualTo("first");
  }

  @Test
  void anUnloadOfASessionWhoseSandboxIsNeverMadeIsDone() {
    world.stuck(true);
    Accepted accepted = send("say never");
    follower.await(SessionEvent.StatusChanged.class, e -> e.runtime().sandbox() != null);
    await(server.sessions.unload(session));
    assertThat(outcome(accepted)).isEqualTo(TurnOutcome.INTERRUPTED);
  }

  /** Does something at the very moment at which something happens. */
  private void when(Predicate<SessionEvent> happens, Runnable work) {
    EventLog log = await(server.sessions.join(session, null)).log();
    log.subscribe(() -> {
      List<Frame> newest = new ArrayList<>();
      log.read(log.head() - 1, 1, newest);
      if (!newest.isEmpty() && happens.test(newest.getFirst().event())) {
        work.run();
      }
    });
  }

  @Test
  void aSandboxThatDoesNotTakeTheSessionsFilesIsGivenUp() {
    restart(Map.of("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "2000"));
    await(server.sessions.writeFile(session, "f", Buffer.buffer("content")));
    when(event -> event instanceof SessionEvent.StatusChanged status && status.runtime().sandbox() != null
        && "Restoring the workspace".equals(status.runtime().sandbox().statusMessage()), () -> world.stuck(true));
    SessionEvent.TurnCompleted failed = follower.awaitTurn(send("say never").turnId());
    assertThat(failed.error()).isEqualTo("This took too long: Restoring the workspace.");
    assertThat(world.sandboxIds()).isEmpty();
    assertThat(world.received()).isEmpty();
  }

  @Test
  void aDeleteThatTheStoreCannotDoChangesNothing() {
    Accepted running = send("hang");
    awaitSaid("hang");
    store.set(Trouble.FAILS);
    assertThatThrownBy(() -> await(server.sessions.delete(session))).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(ErrorCode.STORE_FAILED));
    assertThat(follower.fold().runtime().turn().turnId()).isEqualTo(running.turnId());
    assertThat(world.agents()).isOne();
    store.set(Trouble.NONE);
    await(server.sessions.delete(session));
    assertThat(world.sandboxIds()).isEmpty();
  }

  @Test
  void aRecordThatTheStoreSavesLateDoesNotUndoANewerOne() {
    store.set(Trouble.LATE);
    assertThatThrownBy(() -> await(server.sessions.patch(session, "old", null))).isInstanceOf(ApiException.class);
    store.set(Trouble.NONE);
    await(server.sessions.patch(session, "new", null));
    assertThat(store.doLate()).as("done").startsWith(false);
    assertThat(await(memory.findSession(session)).orElseThrow().name()).isEqualTo("new");
    await(server.sessions.patch(session, "newest", null));
    assertThat(await(memory.findSession(session)).orElseThrow().name()).isEqualTo("newest");
  }

  @Test
  void aFileThatTheStoreSavesLateDoesNotUndoItsDeletion() {
    store.set(Trouble.LATE);
    assertThatThrownBy(() -> await(server.sessions.writeFile(session, "f", Buffer.buffer("old")))).isInstanceOf(ApiException.class);
    store.set(Trouble.NONE);
    await(server.sessions.writeFile(session, "f", Buffer.buffer("new")));
    await(server.sessions.deleteFile(session, "f"));
    assertThat(store.doLate()).as("done").startsWith(false);
    assertThat(await(memory.inspectSession(session)).orElseThrow().files()).isEmpty();
  }

  @Test
  void aDeleteOfASessionThatIsNotThereIsNotFoundAlsoWhenNoneCanBeLoaded() {
    restart(Map.of("AGENT_RUNTIME_LIMITS_LOADED_SESSIONS", "1"));
    assertThatThrownBy(() -> await(server.sessions.delete(UUID.randomUUID().toString()))).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(ErrorCode.SESSION_NOT_FOUND));
  }

  @Test
  void aMessageThatInterruptsDoesSoAlsoByTheNextServer() {
    Accepted running = send("hang");
    awaitSaid("hang");
    CompletableFuture<Void> killed = new CompletableFuture<>();
    store.onceSaved("say instead", () -> {
      server.kill();
      killed.complete(null);
    });
    Future<Accepted> answer = server.send(session, "say instead", UUID.randomUUID().toString(), WhenBusy.INTERRUPT);
    killed.join();
    assertThat(answer.isComplete()).isFalse();
    restart(Map.of());
    assertThat(storedOutcome(running)).isEqualTo("interrupted");
    SandboxTraces.await(() -> !follower.fold().blocks().isEmpty() && follower.fold().blocks().getLast().text().equals("say instead"),
        () -> follower.fold().blocks().toString());
  }

  @Test
  void aLineThatIsTooLongIsCut() {
    restart(Map.of("AGENT_RUNTIME_LIMITS_AGENT_LINE_BYTES", "1024"));
    assertThat(outcome(send("say " + "much ".repeat(100_000)))).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks().getLast().text()).startsWith("say much much ").endsWith("…");
    Accepted running = send("hang");
    awaitSaid("hang");
    restart(Map.of());
    await(server.sessions.interrupt(session));
    assertThat(storedOutcome(running)).as("read on from the right byte").isEqualTo("interrupted");
    assertThat(follower.fold().blocks().getLast().text()).isEqualTo("hang");
  }

  @Test
  void aLineThatIsTooLongIsCutAlsoIfItComesInOnePiece() {
    restart(Map.of("AGENT_RUNTIME_LIMITS_AGENT_LINE_BYTES", "1024"));
    assertThat(outcome(send("say " + "a little ".repeat(200)))).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.fold().blocks().getLast().text()).startsWith("say a little ").endsWith("…");
  }

  @Test
  void anAgentThatDoesNotTakeItsAnswersIsNotHeardOn() {
    outcome(send("say warm"));
    world.deafenAgents();
    Accepted running = send("ask");
    SandboxTraces.await(() -> world.untaken() > 0, () -> "it is not answered");
    await(server.sessions.interrupt(session));
    assertThat(outcome(running)).isEqualTo(TurnOutcome.INTERRUPTED);
    assertThat(world.untaken()).isOne();
    assertThat(outcome(send("say again"))).isEqualTo(TurnOutcome.SUCCESS);
  }

  @Test
  void whatTheAgentSavedThatIsTooLargeToBeHeldIsNotStored() {
    outcome(send("say warm"));
    Buffer large = Buffer.buffer(new byte[(64 << 20) + 1]);
    world.write(SandboxPath.home("transcripts/small"), Buffer.buffer("small"));
    world.write(SandboxPath.home("transcripts/lines.jsonl"), large);
    world.write(SandboxPath.home("transcripts/large"), large);
    await(server.sessions.sync(session));
    assertThat(await(memory.inspectSession(session)).orElseThrow().transcripts()).extracting(StoredSession.Transcript::name)
        .contains("agent/lines.jsonl", "agent/small").doesNotContain("agent/large");
  }

  @Test
  void whatAnAgentWasAboutEndsWithIt() {
    outcome(send("helper"));
    assertThat(follower.fold().subagents()).extracting(SessionSnapshot.Subagent::status).containsExactly(SubagentStatus.RUNNING);
    await(server.sessions.options(session, Json.object().put("other", 1)));
    outcome(send("say that it is another agent"));
    assertThat(follower.fold().subagents()).extracting(SessionSnapshot.Subagent::status).containsExactly(SubagentStatus.FAILED);
  }

  @Test
  void whatAnAgentSaidIsUnderstoodBeforeItIsGone() {
    restart(Map.of("AGENT_RUNTIME_LIMITS_UNSAVED_BYTES", "1024"));
    outcome(send("say warm"));
    String text = "own " + "words ".repeat(400);
    store.onceSaved("\"k\":\"delivered\"", () -> store.set(Trouble.HANGS));
    Accepted running = send(text);
    follower.await(SessionEvent.BlockComplete.class, complete -> complete.block().text().equals(text));
    world.loseSandboxes();
    store.set(Trouble.NONE);
    assertThat(outcome(running)).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(StoredEnds.awaitOwn(memory, session).path("outcome").asText()).isEqualTo("error");
    assertThat(outcome(send("say on"))).isEqualTo(TurnOutcome.SUCCESS);
  }

  @Test
  void anAgentThatSaysTooMuchIsStoppedLaterIfItCannotBeReached() {
    restart(Map.of("AGENT_RUNTIME_LIMITS_SESSION_BYTES", "8000"));
    world.failSignals(2);
    String text = "say " + "much ".repeat(1000);
    SessionEvent.TurnCompleted failed = follower.awaitTurn(send(text).turnId());
    assertThat(failed.error()).startsWith("This session has reached its largest size");
    assertThat(world.agents()).isZero();
    assertThat(follower.fold().blocks()).anyMatch(block -> block.text().equals(text));
  }

  @Test
  void anAgentThatHeedsNoInterruptAndCannotBeReachedIsKilledLater() {
    Accepted running = send("hang");
    awaitSaid("hang");
    world.deafenAgents();
    world.failSignals(2);
    await(server.sessions.interrupt(session));
    assertThat(outcome(running)).isEqualTo(TurnOutcome.INTERRUPTED);
  }

  @Test
  void aStopEndsInTimeAlsoIfASandboxAnswersNothing() {
    restart(Map.of("AGENT_RUNTIME_SHUTDOWN_GRACE_MS", "500"));
    outcome(send("say warm"));
    world.stuck(true);
    store.set(Trouble.HANGS);
    await(server.sessions.shutdown());
  }
}
