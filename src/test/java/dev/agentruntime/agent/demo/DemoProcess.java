package dev.agentruntime.agent.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Json;
import io.vertx.core.buffer.Buffer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** A demo agent that runs, as the server starts it. */
final class DemoProcess implements AutoCloseable {

  private static final long PATIENCE_SECONDS = 120;
  private static final String END = "\0the end";

  final String sessionId;
  final Path workspace;
  final Process process;
  /** What it said until now, as far as it was waited for. */
  final List<String> lines = new ArrayList<>();
  private final Path home;
  private final BlockingQueue<String> coming = new LinkedBlockingQueue<>();

  private DemoProcess(Path folder, String sessionId, String... arguments) throws IOException {
    this.sessionId = sessionId;
    this.workspace = Files.createDirectories(folder.resolve("workspace")).toRealPath();
    this.home = folder.resolve("home");
    List<String> command = new ArrayList<>(DemoAgent.command());
    command.addAll(List.of("-p", "--input-format", "stream-json", "--verbose"));
    command.addAll(List.of(arguments));
    command.add(sessionId);
    ProcessBuilder builder = new ProcessBuilder(command).directory(workspace.toFile());
    builder.environment().put("CLAUDE_CONFIG_DIR", home.toString());
    this.process = builder.redirectError(folder.resolve("stderr").toFile()).start();
    Thread reader = new Thread(this::read, "demo stdout");
    reader.setDaemon(true);
    reader.start();
  }

  static DemoProcess start(Path folder) throws IOException {
    return new DemoProcess(folder, UUID.randomUUID().toString(), "--session-id");
  }

  static DemoProcess start(Path folder, String sessionId) throws IOException {
    return new DemoProcess(folder, sessionId, "--session-id");
  }

  static DemoProcess resume(Path folder, String sessionId) throws IOException {
    return new DemoProcess(folder, sessionId, "--resume");
  }

  private void read() {
    try (BufferedReader stdout = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = stdout.readLine(); line != null; line = stdout.readLine()) {
        coming.add(line);
      }
    } catch (IOException e) {
      coming.add("{\"type\":\"unreadable\"}");
    }
    coming.add(END);
  }

  /** @return the id of the message */
  String say(String text) throws IOException {
    String uuid = UUID.randomUUID().toString();
    ObjectNode line = Json.object().put("type", "user").put("uuid", uuid).put("client_composed", true);
    line.putObject("message").put("role", "user").put("content", text);
    write(line.toString());
    return uuid;
  }

  void interrupt() throws IOException {
    write("{\"type\":\"control_request\",\"request_id\":\"r1\",\"request\":{\"subtype\":\"interrupt\"}}");
  }

  void write(String line) throws IOException {
    process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
    process.getOutputStream().flush();
  }

  /** Waits until the turn has ended. */
  JsonNode result() throws Exception {
    JsonNode result = await(line -> line.path("type").asText().equals("result"));
    await(line -> line.path("state").asText().equals("idle"));
    return result;
  }

  JsonNode runs(String text) throws Exception {
    say(text);
    return result();
  }

  JsonNode await(Predicate<JsonNode> condition) throws Exception {
    while (true) {
      String line = coming.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (line == null || line.equals(END)) {
        throw new AssertionError((line == null ? "It said nothing more after " : "It ended after ") + lines.size() + " lines");
      }
      lines.add(line);
      JsonNode json = Json.tree(line);
      if (condition.test(json)) {
        return json;
      }
    }
  }

  /** The rest of what it says, to its end. */
  DemoProcess toEnd() throws Exception {
    for (String line = coming.poll(PATIENCE_SECONDS, TimeUnit.SECONDS); !END.equals(line);
        line = coming.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      if (line == null) {
        throw new AssertionError("It did not end");
      }
      lines.add(line);
    }
    return this;
  }

  int exitCode() throws Exception {
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("It did not end");
    }
    return process.exitValue();
  }

  int endInput() throws Exception {
    process.getOutputStream().close();
    toEnd();
    return exitCode();
  }

  byte[] output() {
    return String.join("\n", lines).getBytes(StandardCharsets.UTF_8);
  }

  /** Its transcripts, by path relative to the folder of the project. */
  Map<String, Buffer> transcripts() throws IOException {
    Path root = home.resolve("projects").resolve(workspace.toString().replaceAll("[^A-Za-z0-9]", "-"));
    Map<String, Buffer> files = new HashMap<>();
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : (Iterable<Path>) paths.filter(Files::isRegularFile)::iterator) {
        files.put(root.relativize(path).toString(), Buffer.buffer(Files.readAllBytes(path)));
      }
    }
    return files;
  }

  /** Writes the beginning of a line, as a full disk leaves one. */
  void cutOff(String beginning) throws IOException {
    String folder = workspace.toString().replaceAll("[^A-Za-z0-9]", "-");
    Files.writeString(home.resolve("projects").resolve(folder).resolve(sessionId + ".jsonl"), beginning, StandardOpenOption.APPEND);
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
