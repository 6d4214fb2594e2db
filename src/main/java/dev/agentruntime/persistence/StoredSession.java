package dev.agentruntime.persistence;

import java.util.List;

/** What {@link PersistenceAdapter#loadSession} gives: the record, and what there is to read beside it. */
public record StoredSession(SessionRecord record, List<Transcript> transcripts, List<StoredFile> files) {
  public StoredSession {
    transcripts = List.copyOf(transcripts);
    files = List.copyOf(files);
  }

  /** @param length bytes */
  public record Transcript(String name, long length) {}

  /**
   * @param size bytes
   * @param modifiedAt epoch milliseconds
   */
  public record StoredFile(String path, long size, long modifiedAt) {}
}
