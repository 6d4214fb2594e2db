package dev.agentruntime.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.agentruntime.config.InvalidSettingsException.Problem;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Settings that open the server to others. */
class AccessSettingsTest {

  @ParameterizedTest
  @ValueSource(strings = {"localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"})
  void withoutAKeyLoopbackIsFine(String host) {
    assertThat(SettingsLoader.load(Map.of("AGENT_RUNTIME_HOST", host)).host()).isEqualTo(host);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "::", "192.168.1.2", "127.evil.example", "example.org"})
  void withoutAKeyAnyOtherAddressIsRefusedAndToldWhatToDo(String host) {
    assertThat(problems(Map.of("AGENT_RUNTIME_HOST", host))).singleElement().satisfies(problem -> {
      assertThat(problem.place()).isEqualTo("AGENT_RUNTIME_HOST");
      assertThat(problem.message()).contains("AGENT_RUNTIME_API_KEYS");
    });
    assertThat(SettingsLoader.load(Map.of("AGENT_RUNTIME_HOST", host, "AGENT_RUNTIME_API_KEYS", "secret")).host()).isEqualTo(host);
  }

  @ParameterizedTest
  @ValueSource(strings = {"app.example", "https://app.example/", "https://App.example", "https://app.example/path", "null", "https://*.example",
      "https://"})
  void anOriginIsAsBrowsersSendIt(String origin) {
    assertThat(problems(Map.of("AGENT_RUNTIME_ALLOWED_ORIGINS", "https://good.example:8443," + origin))).singleElement()
        .satisfies(problem -> assertThat(problem.message()).contains("like https://app.example"));
  }

  @Test
  void allOriginsAreAllowedOnlyWithAKey() {
    assertThat(problems(Map.of("AGENT_RUNTIME_ALLOWED_ORIGINS", "*"))).singleElement()
        .satisfies(problem -> assertThat(problem.message()).contains("AGENT_RUNTIME_API_KEYS"));
    assertThat(SettingsLoader.load(Map.of("AGENT_RUNTIME_ALLOWED_ORIGINS", "*", "AGENT_RUNTIME_API_KEYS", "secret")).allowedOrigins())
        .containsExactly("*");
  }

  private static List<Problem> problems(Map<String, String> environment) {
    return catchThrowableOfType(InvalidSettingsException.class, () -> SettingsLoader.load(environment)).problems();
  }
}
