package dev.agentruntime.support;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The smallest agent there can be, a shell script, as a profile. */
public final class TinyAgent {

  /** All that it says, once for each message. */
  public static final String ANSWER = "I am tiny.";

  private TinyAgent() {}

  /** Makes a folder for {@code AGENT_RUNTIME_PROFILES_DIR} with the profiles {@code tiny} and {@code demo}. */
  public static Path profiles(Path directory) throws IOException {
    Path profiles = Files.createDirectories(directory.resolve("profiles"));
    Files.writeString(profiles.resolve("tiny.json"), new JsonObject().put("name", "Tiny").put("architecture", "claude-agent-sdk")
        .put("command", List.of("/bin/sh", script().toString())).put("environmentVariables", Map.of("ANTHROPIC_API_KEY", "none-is-needed"))
        .encode());
    Files.writeString(profiles.resolve("demo.json"), "{\"name\":\"Demo\",\"architecture\":\"claude-agent-sdk\",\"command\":[\"demo\"]}");
    return profiles;
  }

  private static Path script() {
    try {
      return Path.of(TinyAgent.class.getResource("/agents/tiny-agent.sh").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
