package dev.agentruntime.support;

import dev.agentruntime.agent.TranscriptFormat;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayInputStream;
import java.util.HashMap;
import java.util.Map;

/** Transcripts that are in memory, as a {@link TranscriptFormat} reads them. */
public final class SavedTranscripts {

  private SavedTranscripts() {}

  /** @param files by path */
  public static Map<String, TranscriptFormat.Source> of(Map<String, Buffer> files) {
    Map<String, TranscriptFormat.Source> sources = new HashMap<>();
    files.forEach((path, content) -> sources.put(path, () -> new ByteArrayInputStream(content.getBytes())));
    return sources;
  }
}
