package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.config.SettingsLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What stands in two places is the same in both, and what one page says of another is there. */
class PackagingTest {

  private static final Path ROOT = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
  private static final Pattern LINK = Pattern.compile("\\]\\((?!https?:)([^)#]*)(?:#([^)]*))?\\)");

  @Test
  void theImageHasTheVersionOfClaudeCodeThatTheSettingsName() throws IOException {
    assertThat(Files.readString(Path.of("Dockerfile")))
        .contains("ARG CLAUDE_VERSION=" + SettingsLoader.load(Map.of()).claude().version() + "\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"README.md", "conf/modal/README.md", "conf/stores/README.md", "src/bench/README.md"})
  void everyLinkOfAPageLeadsSomewhere(String name) throws IOException {
    Path page = ROOT.resolve(name);
    for (MatchResult link : LINK.matcher(Files.readString(page)).results().toList()) {
      Path target = link.group(1).isEmpty() ? page : page.resolveSibling(link.group(1)).normalize();
      assertThat(target).exists();
      if (link.group(2) != null) {
        assertThat(headings(target)).contains(link.group(2));
      }
    }
  }

  /** As GitHub names them in links. */
  private static List<String> headings(Path page) throws IOException {
    return Files.readAllLines(page).stream().filter(line -> line.matches("#+ .*"))
        .map(line -> line.replaceFirst("#+ ", "").toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9 -]", "").replace(' ', '-')).toList();
  }
}
