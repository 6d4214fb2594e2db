package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.agentruntime.metrics.RuntimeMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What the log has of an agent's words. */
class AgentVoiceTest {

  @Test
  void anAgentThatTalksNonsenseDoesNotFillTheLog() {
    String nonsense = "nonsense " + UUID.randomUUID();
    ListAppender<ILoggingEvent> logged = new ListAppender<>();
    Logger logger = (Logger) LoggerFactory.getLogger(AgentVoice.class);
    logger.addAppender(logged);
    logger.setLevel(Level.INFO);
    logged.start();
    AgentVoice voice = new AgentVoice(new RuntimeMetrics(new SimpleMeterRegistry()), null, null, null, null);
    try {
      for (int i = 0; i < 10_000; i++) {
        voice.unknown(nonsense);
      }
    } finally {
      logger.setLevel(null);
      logger.detachAppender(logged);
    }
    List<String> lines = logged.list.stream().map(ILoggingEvent::getFormattedMessage).filter(line -> line.contains(nonsense)).toList();
    assertThat(lines).hasSize(100).startsWith("the agent printed what is not of its protocol: " + nonsense)
        .endsWith("the agent printed what is not of its protocol: " + nonsense + " (more of that is not logged)");
  }
}
