package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TroubledStore.Trouble;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A store that refuses nothing and answers nothing. */
class SilentStoreTest extends TroubledSession {

  private static final String HOUR_MS = "3600000";

  /** @param syncIntervalMs so often something is written unasked */
  private void impatient(String syncIntervalMs) {
    restart(Map.of("AGENT_RUNTIME_STORE_TIMEOUT_MS", "3000", "AGENT_RUNTIME_SYNC_INTERVAL_MS", syncIntervalMs));
  }

  private void awaitTold() {
    follower.await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.STORE_FAILED);
    assertThat(await(server.sessions.readiness())).contains("1 session could not be saved.");
  }

  private void awaitReady() {
    SandboxTraces.await(() -> await(server.sessions.readiness()).isEmpty(), () -> await(server.sessions.readiness()).toString());
  }

  private static String refusal(Supplier<Future<?>> request) {
    ApiException[] refused = new ApiException[1];
    assertThatThrownBy(() -> await(request.get())).isInstanceOfSatisfying(ApiException.class, e -> refused[0] = e);
    assertThat(refused[0].code()).isEqualTo(ErrorCode.STORE_FAILED);
    return refused[0].getMessage();
  }

  private List<String> said() {
    return follower.assertFoldIsSnapshot().blocks().stream().filter(Block.AssistantText.class::isInstance).map(Block::text).toList();
  }

  /** Long before the store's time is up: these calls never end by themselves. */
  @ParameterizedTest
  @EnumSource(value = Trouble.class, names = {"HANGS", "DIES"})
  void clientsAreToldOfItWhileItIsWaitedForAndThatItIsBack(Trouble trouble) {
    impatient("20");
    Accepted running = send("hang");
    awaitSaid("hang");
    store.set(trouble);
    awaitTold();
    assertThat(refusal(() -> server.send(session, "say never"))).doesNotContain("messageId");
    refusal(() -> server.sessions.patch(session, "never", null));
    refusal(() -> server.sessions.options(session, Json.object().put("model", "never")));
    refusal(() -> server.sessions.writeFile(session, "never", Buffer.buffer("never")));
    refusal(() -> server.sessions.sync(session));
    await(server.sessions.interrupt(session));
    assertThat(outcome(running)).isEqualTo(TurnOutcome.INTERRUPTED);
    SessionSnapshot unchanged = follower.assertFoldIsSnapshot();
    assertThat(unchanged.session().name()).isNull();
    assertThat(unchanged.session().sessionOptions()).isEqualTo(Json.object());
    assertThat(unchanged.workspaceFiles()).isEmpty();

    store.set(Trouble.NONE);
    awaitReady();
    assertThat(outcome(send("say on"))).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(said()).containsExactly("hang", "say on");
    assertThat(follower.events()).filteredOn(SessionEvent.ErrorEvent.class::isInstance).hasSize(1);
  }

  @ParameterizedTest
  @EnumSource(value = Trouble.class, names = {"HANGS", "DIES"})
  void aSessionThatHasNothingToSaveIsReadyAgainByItself(Trouble trouble) {
    impatient("20");
    outcome(send("say warm"));
    await(server.sessions.sync(session));
    store.set(trouble);
    awaitTold();
    store.set(Trouble.NONE);
    awaitReady();
  }

  @ParameterizedTest
  @EnumSource(value = Trouble.class, names = {"HANGS", "DIES"})
  void whoSentAMessageThatItDoesNotAnswerIsToldWhatIsKnownAndItRunsOnce(Trouble trouble) {
    impatient(HOUR_MS);
    outcome(send("say warm"));
    await(server.sessions.sync(session));
    store.set(trouble);
    String id = UUID.randomUUID().toString();
    for (int i = 0; i < 2; i++) {
      assertThat(refusal(() -> server.send(session, "say once", id, null))).contains("not known", id);
    }
    refusal(() -> server.send(session, "say never"));

    store.set(Trouble.NONE);
    SessionEvent.TurnStarted started = follower.await(SessionEvent.TurnStarted.class, turn -> id.equals(turn.messageId()));
    Accepted accepted = await(server.send(session, "say once", id, null));
    assertThat(accepted.turnId()).isEqualTo(started.turnId());
    assertThat(outcome(accepted)).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(outcome(send("say on"))).isEqualTo(TurnOutcome.SUCCESS);
    restart(Map.of());
    assertThat(said()).containsExactly("say warm", "say once", "say on");
  }

  @Test
  void aChangeThatItDoesNotAnswerIsNotWaitedForAndIsSavedWhenItIsBack() {
    impatient(HOUR_MS);
    store.set(Trouble.HANGS);
    refusal(() -> server.sessions.patch(session, "name", null));
    store.set(Trouble.NONE);
    awaitReady();
    assertThat(await(memory.findSession(session)).orElseThrow().name()).isEqualTo("name");
  }
}
