package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.support.Logged;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What the log has of an agent's words. */
class AgentVoiceTest {

  @Test
  void anAgentThatTalksNonsenseDoesNotFillTheLog() {
    String nonsense = "nonsense " + UUID.randomUUID();
    try (Logged logged = new Logged(AgentVoice.class.getName(), Level.INFO)) {
      AgentVoice voice = new AgentVoice(new RuntimeMetrics(new SimpleMeterRegistry()), null, null, null, null);
      for (int i = 0; i < 10_000; i++) {
        voice.unknown(nonsense);
      }
      assertThat(logged.lines(nonsense)).hasSize(100).startsWith("the agent printed what is not of its protocol: " + nonsense)
          .endsWith("the agent printed what is not of its protocol: " + nonsense + " (more of that is not logged)");
    }
  }
}
