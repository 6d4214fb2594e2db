package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.TurnOutcome;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A session finds no memory in the middle of something, since another one has taken it all. */
class NoMemoryTest extends TroubledSession {

  @ParameterizedTest
  @ValueSource(strings = {"create", "write", "list"})
  void itsTurnEndsAndItGoesOn(String call) {
    world.exhaustNext(call);
    assertThat(outcome(send("say hello"))).isEqualTo(TurnOutcome.ERROR);
    assertThat(outcome(send("say again"))).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(world.agents()).isOne();
    await(server.sessions.unload(session));
    assertThat(world.sandboxIds()).isEmpty();
  }

  @Test
  void itIsSavedWhenThereIsSomeAgain() {
    outcome(send("say hello"));
    world.exhaustNext("list");
    server.sessions.sync(session);
    await(server.sessions.sync(session));
    assertThat(outcome(send("say again"))).isEqualTo(TurnOutcome.SUCCESS);
    await(server.sessions.unload(session));
  }
}
