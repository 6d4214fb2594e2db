package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What the agent saves of a conversation, in the real agent's place and format:
 * {@code $CLAUDE_CONFIG_DIR/projects/<folder>/<session>.jsonl} and {@code <session>/subagents/agent-<id>.jsonl} beside it.
 *
 * <p>Files are written with streams rather than channels, which an interrupt of the thread would close.
 */
final class DemoTranscript {

  static final String VERSION = "2.1.330";

  private final String sessionId;
  private final String cwd;
  private final Path file;
  private final String agentId;
  private String parentUuid;

  private DemoTranscript(String sessionId, String cwd, Path file, String agentId) {
    this.sessionId = sessionId;
    this.cwd = cwd;
    this.file = file;
    this.agentId = agentId;
  }

  static DemoTranscript of(Path configDir, String cwd, String sessionId) {
    Path folder = configDir.resolve("projects").resolve(cwd.replaceAll("[^A-Za-z0-9]", "-"));
    return new DemoTranscript(sessionId, cwd, folder.resolve(sessionId + ".jsonl"), null);
  }

  DemoTranscript ofSubagent(String agentId) {
    Path folder = file.resolveSibling(sessionId).resolve("subagents");
    return new DemoTranscript(sessionId, cwd, folder.resolve("agent-" + agentId + ".jsonl"), agentId);
  }

  boolean exists() {
    return Files.exists(file);
  }

  /** @param line what distinguishes it; the rest is added */
  void message(Map<String, Object> line) {
    var whole = object("parentUuid", parentUuid, "isSidechain", agentId != null);
    if (agentId != null) {
      whole.put("agentId", agentId);
    }
    whole.putAll(line);
    whole.putIfAbsent("uuid", DemoIds.uuid());
    whole.putIfAbsent("timestamp", DemoTexts.time());
    whole.putAll(object("userType", "external", "entrypoint", "sdk-cli", "cwd", cwd, "sessionId", sessionId, "version", VERSION));
    parentUuid = (String) whole.get("uuid");
    append(whole);
  }

  void costState(DemoUsage total, String model) {
    append(object("type", "cost-state", "sessionId", sessionId, "totalCostUSD", total.dollars(),
        "modelUsage", object(model, total.modelUsage())));
  }

  /** Only for the transcript of a subagent. */
  void meta(String description, String toolUseId, boolean finished) {
    write(file.resolveSibling("agent-" + agentId + ".meta.json"), object("agentType", "general-purpose", "isBuiltIn", true,
        "description", description, "toolUseId", toolUseId, "spawnDepth", 1, "finished", finished), false);
  }

  private void append(Map<String, Object> line) {
    write(file, line, true);
  }

  private static void write(Path file, Map<String, Object> object, boolean append) {
    try {
      Files.createDirectories(file.getParent());
      var bytes = new ByteArrayOutputStream();
      PlainJson.write(object, bytes, true);
      if (append) {
        bytes.write('\n');
      }
      try (var out = new FileOutputStream(file.toFile(), append)) {
        bytes.writeTo(out);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a resumed conversation starts with. */
  record Remembered(List<String> userTexts, DemoUsage used) {}

  Remembered read() throws IOException {
    var texts = new ArrayList<String>();
    var used = new DemoUsage();
    endLastLine();
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(new FileInputStream(file.toFile()), StandardCharsets.UTF_8))) {
      for (String text = lines.readLine(); text != null; text = lines.readLine()) {
        Map<String, Object> line = line(text);
        if (line == null) {
          continue;
        }
        parentUuid = line.get("uuid") instanceof String uuid ? uuid : parentUuid;
        if ("user".equals(line.get("type")) && "sdk".equals(line.get("promptSource"))) {
          texts.add(text(PlainJson.asObject(line.get("message")).get("content")));
        } else if ("cost-state".equals(line.get("type"))) {
          used = new DemoUsage();
          for (Object model : PlainJson.asObject(line.get("modelUsage")).values()) {
            used.add(DemoUsage.ofModelUsage(PlainJson.asObject(model)));
          }
        }
      }
    }
    return new Remembered(texts, used);
  }

  /** One that a full disk or a kill has cut off would take the next one with it. */
  private void endLastLine() throws IOException {
    try (var content = new RandomAccessFile(file.toFile(), "rw")) {
      content.seek(Math.max(0, content.length() - 1));
      if (content.length() > 0 && content.read() != '\n') {
        content.write('\n');
      }
    }
  }

  /** @return {@code null} for what is no whole line */
  private static Map<String, Object> line(String text) {
    try {
      return PlainJson.asObject(PlainJson.read(text.getBytes(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      return null;
    }
  }

  /** The text of a message's content, which is a string or a list of parts. */
  static String text(Object content) {
    if (!(content instanceof List<?> parts)) {
      return content instanceof String text ? text : "";
    }
    var texts = new ArrayList<String>();
    for (Object part : parts) {
      if (PlainJson.asObject(part) != null && PlainJson.asObject(part).get("text") instanceof String text) {
        texts.add(text);
      }
    }
    return String.join("\n", texts);
  }
}
