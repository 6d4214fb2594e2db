package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.config.SettingsLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What stands in two places is the same in both. */
class PackagingTest {

  @Test
  void theImageHasTheVersionOfClaudeCodeThatTheSettingsName() throws IOException {
    assertThat(Files.readString(Path.of("Dockerfile")))
        .contains("ARG CLAUDE_VERSION=" + SettingsLoader.load(Map.of()).claude().version() + "\n");
  }
}
