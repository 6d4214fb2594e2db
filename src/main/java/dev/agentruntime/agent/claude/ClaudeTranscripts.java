package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.agentruntime.agent.TranscriptFormat;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.LineCutter;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.WellFormed;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Claude Code's own transcripts: {@code projects/<working directory>/<session>.jsonl}, one file per subagent beside it in
 * {@code <session>/subagents}, and long outputs of tools in {@code <session>/tool-results}.
 */
public final class ClaudeTranscripts implements TranscriptFormat {

  private static final String SUBAGENTS = "/subagents/agent-";
  private static final String META = ".meta.json";
  private static final String LINES = ".jsonl";
  private static final int PIECE_BYTES = 64 << 10;

  @Override
  public String directory(String sessionId, String workspace) {
    return ".claude/projects/" + ProjectFolder.of(workspace);
  }

  @Override
  public boolean belongs(String sessionId, String path) {
    return path.equals(sessionId + LINES) || path.startsWith(sessionId + "/");
  }

  @Override
  public boolean appendOnly(String path) {
    return path.endsWith(LINES);
  }

  @Override
  public boolean resumable(String sessionId, Iterable<String> paths) {
    for (String path : paths) {
      if (path.equals(sessionId + LINES)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public Conversations read(String sessionId, Map<String, Source> transcripts) {
    ClaudeTranscript main = new ClaudeTranscript(false);
    Source lines = transcripts.get(sessionId + LINES);
    if (lines != null) {
      eachLine(lines, main::line);
    }
    List<SessionSnapshot.Subagent> subagents = new ArrayList<>();
    transcripts.keySet().stream().filter(path -> path.startsWith(sessionId + SUBAGENTS) && path.endsWith(LINES)).sorted()
        .forEach(path -> {
          JsonNode meta = meta(transcripts.get(path.substring(0, path.length() - LINES.length()) + META));
          if (meta.path("toolUseId").isTextual()) {
            subagents.add(subagent(meta, transcripts.get(path)));
          }
        });
    return new Conversations(main.blocks(), inOrderOfCalls(main.blocks(), subagents));
  }

  /** As they were discovered when it happened, subagents of subagents among them. */
  private static List<SessionSnapshot.Subagent> inOrderOfCalls(List<Block> main, List<SessionSnapshot.Subagent> subagents) {
    Map<String, String> calledAt = new LinkedHashMap<>();
    Stream.concat(main.stream(), subagents.stream().flatMap(subagent -> subagent.blocks().stream()))
        .filter(Block.SubagentCall.class::isInstance).map(Block.SubagentCall.class::cast)
        .forEach(call -> calledAt.put(call.subagentId(), call.timestamp()));
    List<String> calls = List.copyOf(calledAt.keySet());
    return subagents.stream()
        .sorted(Comparator.comparing((SessionSnapshot.Subagent subagent) -> calledAt.get(subagent.id()),
            Comparator.nullsLast(Comparator.naturalOrder())).thenComparing(subagent -> calls.indexOf(subagent.id())))
        .toList();
  }

  private static SessionSnapshot.Subagent subagent(JsonNode meta, Source lines) {
    ClaudeTranscript transcript = new ClaudeTranscript(true);
    eachLine(lines, transcript::line);
    SubagentStatus status = meta.path("finished").asBoolean() ? SubagentStatus.COMPLETED : SubagentStatus.FAILED;
    return new SessionSnapshot.Subagent(meta.path("toolUseId").asText(), meta.path("agentType").asText(null), status,
        transcript.blocks());
  }

  private static JsonNode meta(Source saved) {
    if (saved == null) {
      return TextNode.valueOf("");
    }
    try (InputStream in = saved.open()) {
      byte[] json = in.readAllBytes();
      JsonNode meta = read(json, 0, json.length);
      return meta == null ? TextNode.valueOf("") : meta;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A last line without its end is one that the agent was killed in; what is no JSON is left out. */
  private static void eachLine(Source lines, Consumer<JsonNode> consumer) {
    LineCutter cutter = new LineCutter((bytes, from, to) -> {
      JsonNode line = to > from ? read(bytes, from, to) : null;
      if (line != null && line.isObject()) {
        consumer.accept(line);
      }
    });
    byte[] piece = new byte[PIECE_BYTES];
    try (InputStream in = lines.open()) {
      for (int length = in.read(piece); length >= 0; length = in.read(piece)) {
        cutter.take(piece, 0, length);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    cutter.end();
  }

  private static JsonNode read(byte[] bytes, int from, int to) {
    try {
      JsonNode tree = Json.MAPPER.readTree(bytes, from, to - from);
      return tree != null && WellFormed.suspect(bytes, from, to) ? WellFormed.tree(tree) : tree;
    } catch (IOException e) {
      return null;
    }
  }
}
