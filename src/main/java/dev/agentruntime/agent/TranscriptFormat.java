package dev.agentruntime.agent;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.SessionSnapshot;
import java.io.InputStream;
import java.util.List;
import java.util.Map;

/** Where an agent saves its conversation, and what it saved. */
public interface TranscriptFormat {

  /** The folder of the agent's transcripts, relative to the sandbox's home. */
  String directory(String sessionId, String workspace);

  /** Whether a file below {@link #directory} (a path relative to it) belongs to the session. */
  boolean belongs(String sessionId, String path);

  /** Whether the file only ever grows at its end; others are saved whole when they change. */
  boolean appendOnly(String path);

  /** Whether {@code paths} hold what the agent needs to resume. */
  boolean resumable(String sessionId, Iterable<String> paths);

  /**
   * The blocks in saved transcripts, with the ids that they had live.
   *
   * @param transcripts by path relative to {@link #directory}
   */
  Conversations read(String sessionId, Map<String, Source> transcripts);

  /** Something saved, which may be large. */
  interface Source {
    /** Its bytes from the first on; closed by whoever asked. Reading may block. */
    InputStream open();
  }

  /** @param main the blocks of the main conversation, in order */
  record Conversations(List<Block> main, List<SessionSnapshot.Subagent> subagents) {}
}
