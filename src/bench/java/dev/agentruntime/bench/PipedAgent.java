package dev.agentruntime.bench;

import dev.agentruntime.agent.demo.DemoAgent;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

/** The demo agent on two pipes, with nothing between: what an agent takes by itself. */
final class PipedAgent implements AutoCloseable {

  private final Process process;
  private final Path folder;

  /** @param lines given every line that the agent says, on a thread of its own */
  PipedAgent(Consumer<String> lines) throws IOException {
    folder = Files.createTempDirectory("agent-runtime-bench-agent");
    List<String> command = new ArrayList<>(DemoAgent.command());
    command.addAll(List.of("--session-id", UUID.randomUUID().toString()));
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile()).redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("CLAUDE_CONFIG_DIR", folder.toString());
    process = builder.start();
    Thread.ofPlatform().daemon().start(() -> {
      try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
        for (String line = out.readLine(); line != null; line = out.readLine()) {
          lines.accept(line);
        }
      } catch (IOException e) {
        lines.accept("");
      }
    });
  }

  void say(String text) throws IOException {
    JsonObject line = new JsonObject().put("type", "user").put("uuid", UUID.randomUUID().toString())
        .put("message", new JsonObject().put("role", "user").put("content", text));
    OutputStream in = process.getOutputStream();
    in.write((line.encode() + "\n").getBytes(StandardCharsets.UTF_8));
    in.flush();
  }

  /** The text of a line, or {@code null} if it is no delta of a text. */
  static String delta(String line) {
    int at = line.indexOf("\"type\":\"text_delta\"");
    return at < 0 ? null : between(line, "\"text\":\"");
  }

  static boolean endsTurn(String line) {
    return line.contains("\"type\":\"result\"");
  }

  /** What stands after {@code start} up to the next quote, or {@code null}. */
  static String between(String line, String start) {
    int from = line.indexOf(start);
    return from < 0 ? null : line.substring(from + start.length(), line.indexOf('"', from + start.length()));
  }

  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    Child.awaitEnd(process, 10);
    Service.deleteAll(folder);
  }
}
