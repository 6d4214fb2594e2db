package dev.agentruntime.support.toy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** How turns ended, as it is stored. */
public final class StoredEnds {

  private static final String JOURNAL = "journal.jsonl";

  private StoredEnds() {}

  /** The data of each {@code session:turn:completed} of a session, in order. */
  public static List<JsonNode> of(PersistenceAdapter store, String sessionId) {
    int length = TestRuntime.await(store.inspectSession(sessionId)).orElseThrow().transcripts().stream()
        .filter(transcript -> transcript.name().equals(JOURNAL)).mapToInt(transcript -> (int) transcript.length()).sum();
    List<JsonNode> ends = new ArrayList<>();
    if (length > 0) {
      for (String line : TestRuntime.await(store.readTranscript(sessionId, JOURNAL, 0, length)).toString().split("\n")) {
        JsonNode entry = json(line);
        if (entry.path("event").asText().equals("session:turn:completed")) {
          ends.add(entry.path("data"));
        }
      }
    }
    return ends;
  }

  /** Waits for the end of the one turn of a session that no message began. */
  public static JsonNode awaitOwn(PersistenceAdapter store, String sessionId) {
    List<JsonNode> own = new ArrayList<>();
    SandboxTraces.await(() -> {
      of(store, sessionId).stream().filter(end -> !end.path("messageId").isTextual()).forEach(own::add);
      return !own.isEmpty();
    }, () -> "it never ends");
    return own.getFirst();
  }

  private static JsonNode json(String line) {
    try {
      return Json.tree(line);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
