package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.SandboxTraces;
import io.vertx.core.Promise;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Agents that are found again by the next server, or not, or are hard to reach then. */
class ReattachTest extends TroubledSession {

  @Test
  void anAgentThatCannotBeHeardForATimeIsNotKilledForIt() {
    Accepted running = send("hang");
    awaitSaid("hang");
    world.mute(true);
    restart(Map.of());
    SandboxTraces.await(() -> world.failedQuestions() > 1 || world.agents() == 0, () -> "nobody asks for it");
    assertThat(world.agents()).isOne();
    world.mute(false);
    awaitSaid("hang");
    await(server.sessions.interrupt(session));
    assertThat(outcome(running)).isEqualTo(TurnOutcome.INTERRUPTED);
    assertThat(world.agents()).isOne();
  }

  @Test
  void anAgentWhoseProfileCannotBeReadForAMomentIsFoundAgain() {
    Accepted running = send("hang");
    awaitSaid("hang");
    await(server.sessions.sync(session));
    store.failNext("loadAgentProfile");
    restart(Map.of());
    await(server.sessions.interrupt(session));
    assertThat(storedOutcome(running)).isEqualTo("interrupted");
    assertThat(world.agents()).isOne();
  }

  /** A message that is noted down as given to the agent, which runs, and does not get there. */
  private Accepted lose() {
    world.loseNextMessage();
    Accepted lost = send("say lost");
    SandboxTraces.await(world::messageIsLost, () -> "it is not given");
    return lost;
  }

  /** Its server was killed, or lost the session, after it had noted down that it gives it, and before it did. */
  @Test
  void aMessageThatTheAgentWasNotGivenIsGivenToItByTheNextServer() {
    Accepted first = send("say first");
    outcome(first);
    Accepted lost = lose();
    restart(Map.of());
    assertThat(storedOutcome(lost)).isEqualTo("success");
    assertThat(world.received()).containsExactly(first.messageId(), lost.messageId());
  }

  @Test
  void aMessageThatTheAgentWasNotGivenBeforeItsTurnIsInterruptedIsNotGivenToIt() {
    Accepted first = send("say first");
    outcome(first);
    Accepted lost = lose();
    await(server.sessions.interrupt(session));
    await(server.sessions.sync(session));
    restart(Map.of());
    assertThat(storedOutcome(lost)).isEqualTo("interrupted");
    assertThat(world.received()).containsExactly(first.messageId());
  }

  /** Nobody else would let go of it, and one that is held does not end as idle. */
  @Test
  void aSandboxThatIsFoundTooLateIsLetGoOf() {
    Accepted running = send("hang");
    awaitSaid("hang");
    await(server.sessions.sync(session));
    String sandbox = world.sandboxIds().getFirst();
    Promise<Void> way = Promise.promise();
    world.onAttach(found -> way.future().compose(v -> found));
    restart(Map.of("AGENT_RUNTIME_SANDBOX_START_TIMEOUT_MS", "300"));
    assertThat(storedOutcome(running)).isEqualTo("error");
    assertThat(world.released()).isEmpty();
    way.complete();
    assertThat(world.released()).containsExactly(sandbox);
  }

  @Test
  void anAgentWhoseProfileIsDeletedGoesOnWithItsTurn() {
    await(memory.saveAgentProfile(new StoredProfile("stored", "1", Json.object().put("name", "s").put("architecture", "toy")), null));
    session = server.newSession("stored");
    follower = server.follow(session);
    Accepted running = send("hang");
    awaitSaid("hang");
    await(memory.deleteAgentProfile("stored", "1"));
    restart(Map.of());
    await(server.sessions.interrupt(session));
    assertThat(storedOutcome(running)).isEqualTo("interrupted");
    assertThat(follower.awaitTurn(send("say never").turnId()).error()).contains("stored");
  }

  @Test
  void anAgentThatDoesNotConfirmWhatItWasGivenIsKilledLaterIfItCannotBeReached() {
    Accepted running = send("silent");
    SandboxTraces.await(() -> world.received().size() == 1, () -> "it is never given to the agent");
    world.failSignals(1);
    restart(Map.of());
    assertThat(storedOutcome(running)).isEqualTo("error");
  }

  @Test
  void whatWasInterruptedIsInterruptedByTheNextServer() {
    Accepted running = send("silent");
    SandboxTraces.await(() -> world.received().size() == 1, () -> "it is never given to the agent");
    world.deafenAgents();
    await(server.sessions.interrupt(session));
    await(server.sessions.sync(session));
    restart(Map.of("AGENT_RUNTIME_SANDBOX_REATTACH_TIMEOUT_MS", "60000"));
    assertThat(storedOutcome(running)).isEqualTo("interrupted");
  }
}
