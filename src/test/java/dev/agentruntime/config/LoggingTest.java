package dev.agentruntime.config;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import org.slf4j.Logger;

@ResourceLock(Resources.SYSTEM_OUT)
class LoggingTest {

  @Test
  void aLineForPeopleHasTheSession() {
    assertThat(logged("text", "info")).hasSize(2)
        .first().asString().matches("\\d\\d:\\d\\d:\\d\\d\\.\\d{3} INFO  \\S+ +s-1 turn=\"t-1\" The turn has ended");
  }

  @Test
  void aLineForMachinesIsOneObjectWithTheSession() throws IOException {
    List<String> lines = logged("json", "info");
    assertThat(lines).hasSize(2);
    JsonNode line = new ObjectMapper().readTree(lines.getFirst());
    assertThat(line.path("formattedMessage").asText()).isEqualTo("The turn has ended");
    assertThat(line.path("level").asText()).isEqualTo("INFO");
    assertThat(line.path("mdc").path("sessionId").asText()).isEqualTo("s-1");
    assertThat(line.path("kvpList").toString()).contains("t-1");
    assertThat(line.path("timestamp").isNumber()).isTrue();
    assertThat(new ObjectMapper().readTree(lines.get(1)).path("throwable").path("message").asText()).isEqualTo("two\nlines");
  }

  @Test
  void theLevelIsOfOurOwnMessagesOnly() {
    assertThat(logged("text", "error")).hasSize(1);
    assertThat(logged("text", "debug").stream().filter(line -> line.contains("detail"))).singleElement().asString().contains("ours");
  }

  /** What the configuration prints of four messages, one of them with an exception, whose trace is left out here. */
  private static List<String> logged(String format, String level) {
    PrintStream before = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      LoggerContext context = new LoggerContext();
      LogbackMDCAdapter mdc = new LogbackMDCAdapter();
      context.setMDCAdapter(mdc);
      Logging.configure(context, new Settings.Log(format, level));
      Logger ours = context.getLogger("dev.agentruntime.session.Session");
      mdc.put("sessionId", "s-1");
      ours.atInfo().addKeyValue("turn", "t-1").log("The turn has {}", "ended");
      ours.debug("our detail: ours");
      context.getLogger("io.netty").info("a dependency's detail");
      ours.error("It failed", new IllegalStateException("two\nlines"));
      context.stop();
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8).lines()
        .filter(line -> line.startsWith("{") || line.matches("\\d\\d:\\d\\d:.*")).toList();
  }
}
