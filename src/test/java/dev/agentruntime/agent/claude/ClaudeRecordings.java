package dev.agentruntime.agent.claude;

import dev.agentruntime.agent.AgentContract.Recording;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What the real CLI, version 2.1.330, said and saved, each scenario in a folder. */
final class ClaudeRecordings {

  private static final Path FOLDER = Path.of("src/test/resources/recordings/claude-code");

  private ClaudeRecordings() {}

  static List<Recording> all() {
    try (Stream<Path> folders = Files.list(FOLDER)) {
      return folders.map(folder -> folder.getFileName().toString()).sorted().map(ClaudeRecordings::of).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Recording of(String scenario) {
    Path folder = FOLDER.resolve(scenario);
    Path root = folder.resolve("transcript/-workspace");
    Map<String, Buffer> transcripts = new HashMap<>();
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : (Iterable<Path>) paths.filter(Files::isRegularFile)::iterator) {
        transcripts.put(root.relativize(path).toString(), Buffer.buffer(Files.readAllBytes(path)));
      }
      String session = transcripts.keySet().stream().filter(path -> !path.contains("/")).findFirst().orElseThrow().replace(".jsonl", "");
      int messages = (int) told(scenario).stream().filter(line -> line.contains("client_composed")).count();
      return new Recording(scenario, session, Files.readAllBytes(folder.resolve("stdout.jsonl")), transcripts, messages);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The lines that the CLI was told. */
  static List<String> told(String scenario) {
    try {
      return Files.readAllLines(FOLDER.resolve(scenario).resolve("stdin.jsonl"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
