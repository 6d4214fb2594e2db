package dev.agentruntime.session;

import dev.agentruntime.agent.TranscriptFormat;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the agent itself saves of a conversation: put into a new sandbox, and saved from it as it grows. Runs on the session's context and
 * awaits there.
 */
final class Transcripts {

  /** Under this prefix an agent's transcripts are stored, by their path. */
  static final String PREFIX = "agent/";

  private static final Logger log = LoggerFactory.getLogger(Transcripts.class);
  private static final int CHUNK_BYTES = 4 << 20;
  /** Of a file that is not only ever appended to, which is in memory while it is saved. */
  private static final int MAX_WHOLE_BYTES = 64 << 20;

  private record Seen(long size, long modifiedAt) {}

  private final String sessionId;
  private final TranscriptFormat format;
  private final SessionStore store;
  private final Journal journal;
  private final Map<String, Long> stored = new HashMap<>();
  private final Map<String, Seen> replaced = new HashMap<>();
  private boolean expected;

  /** @param expected whether the journal says that there are transcripts */
  Transcripts(String sessionId, TranscriptFormat format, SessionStore store, Journal journal,
              List<StoredSession.Transcript> transcripts, boolean expected) {
    this.sessionId = sessionId;
    this.format = format;
    this.store = store;
    this.journal = journal;
    this.expected = expected;
    for (StoredSession.Transcript transcript : transcripts) {
      if (transcript.name().startsWith(PREFIX)) {
        stored.put(transcript.name().substring(PREFIX.length()), transcript.length());
      }
    }
  }

  /** Puts what is stored into a new sandbox. */
  void restore(Sandbox sandbox, Steps steps) {
    String directory = format.directory(sessionId, sandbox.workspace());
    FileBatch batch = new FileBatch(sandbox, steps);
    for (Map.Entry<String, Long> entry : stored.entrySet()) {
      SandboxPath path = SandboxPath.home(directory + "/" + entry.getKey());
      if (entry.getValue() > CHUNK_BYTES) {
        eachPiece(entry.getKey(), entry.getValue(), (offset, piece) -> steps.await(sandbox.files().append(path, offset, piece)));
      } else {
        batch.add(new SandboxFiles.FileContent(path, readStored(entry.getKey(), entry.getValue()), false, 0));
      }
    }
    batch.write();
    replaced.clear();
  }

  /** As {@link #resumable}, of a sandbox that has just what was {@linkplain #restore restored}. */
  boolean resumableWhenRestored() {
    return resumable(stored.keySet());
  }

  /**
   * Whether the agent has a conversation to go on with.
   *
   * @throws ApiException if there was one and it is not there
   */
  boolean resumable(Sandbox sandbox, Steps steps) {
    return resumable(steps.await(listed(sandbox)).stream().map(SandboxFiles.Entry::path).toList());
  }

  private boolean resumable(Iterable<String> paths) {
    boolean resumable = format.resumable(sessionId, paths);
    if (expected && !resumable) {
      throw new ApiException(ErrorCode.SANDBOX_FAILED,
          "The saved conversation of this session was not found, so the agent cannot continue it. No new conversation was started.");
    }
    return resumable;
  }

  /** Saves what has grown or changed since the last time. */
  void save(Sandbox sandbox) {
    String directory = format.directory(sessionId, sandbox.workspace());
    boolean added = false;
    for (SandboxFiles.Entry entry : Future.await(listed(sandbox))) {
      SandboxPath path = SandboxPath.home(directory + "/" + entry.path());
      added |= !stored.containsKey(entry.path()) && entry.size() > 0;
      if (format.appendOnly(entry.path())) {
        append(sandbox, path, entry);
      } else {
        replace(sandbox, path, entry);
      }
    }
    if (added) {
      expected |= format.resumable(sessionId, stored.keySet());
      journal.write(new JournalEntry.Transcripts(Map.copyOf(stored)));
    }
  }

  private void append(Sandbox sandbox, SandboxPath path, SandboxFiles.Entry entry) {
    long saved = stored.getOrDefault(entry.path(), 0L);
    if (entry.size() < saved) {
      log.warn("transcript {} has shrunk from {} to {} bytes; what is stored stays", entry.path(), saved, entry.size());
      return;
    }
    while (saved < entry.size()) {
      Buffer chunk = Future.await(sandbox.files().read(path, saved, (int) Math.min(CHUNK_BYTES, entry.size() - saved)));
      if (chunk.length() == 0) {
        return;
      }
      Future.await(store.appendTranscript(PREFIX + entry.path(), saved, chunk));
      saved += chunk.length();
      stored.put(entry.path(), saved);
    }
  }

  private void replace(Sandbox sandbox, SandboxPath path, SandboxFiles.Entry entry) {
    Seen seen = new Seen(entry.size(), entry.modifiedAt());
    if (entry.size() == 0 || seen.equals(replaced.get(entry.path()))) {
      return;
    }
    if (entry.size() > MAX_WHOLE_BYTES) {
      log.warn("{} of the agent is too large to be saved: {} bytes", entry.path(), entry.size());
      replaced.put(entry.path(), seen);
      return;
    }
    Buffer content = Future.await(sandbox.files().read(path, 0, (int) entry.size()));
    Future.await(store.replaceTranscript(PREFIX + entry.path(), content));
    stored.put(entry.path(), (long) content.length());
    replaced.put(entry.path(), seen);
  }

  private Future<List<SandboxFiles.Entry>> listed(Sandbox sandbox) {
    String directory = format.directory(sessionId, sandbox.workspace());
    return sandbox.files().list(SandboxPath.home(directory)).map(listing -> {
      List<SandboxFiles.Entry> entries = new ArrayList<>();
      for (SandboxFiles.Entry entry : listing.files()) {
        String path = entry.path().substring(directory.length() + 1);
        if (format.belongs(sessionId, path)) {
          entries.add(new SandboxFiles.Entry(path, entry.size(), entry.modifiedAt()));
        }
      }
      return entries;
    });
  }

  /** Everything stored, for reading the conversation from it. */
  Map<String, TranscriptFormat.Source> sources() {
    Map<String, TranscriptFormat.Source> all = new HashMap<>();
    stored.forEach((path, length) -> all.put(path, () -> new Stored(path, length)));
    return all;
  }

  private Buffer readStored(String path, long length) {
    Buffer content = Buffer.buffer((int) length);
    eachPiece(path, length, (offset, piece) -> content.appendBuffer(piece));
    return content;
  }

  private interface Reader {
    void take(long offset, Buffer piece);
  }

  private void eachPiece(String path, long length, Reader reader) {
    for (long offset = 0; offset < length; ) {
      Buffer piece = piece(path, offset, length);
      reader.take(offset, piece);
      offset += piece.length();
    }
  }

  private Buffer piece(String path, long offset, long length) {
    Buffer piece = Future.await(store.readTranscript(PREFIX + path, offset, (int) Math.min(CHUNK_BYTES, length - offset)));
    if (piece.length() == 0) {
      throw new IllegalStateException("transcript " + path + " is shorter than the store says");
    }
    return piece;
  }

  /** Holds a piece at a time. */
  private final class Stored extends InputStream {
    private final String path;
    private final long length;
    private long offset;
    private ByteArrayInputStream piece = new ByteArrayInputStream(new byte[0]);

    Stored(String path, long length) {
      this.path = path;
      this.length = length;
    }

    @Override
    public int read() {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] into, int from, int count) {
      if (piece.available() == 0 && offset < length) {
        Buffer next = piece(path, offset, length);
        offset += next.length();
        piece = new ByteArrayInputStream(next.getBytes());
      }
      return piece.read(into, from, count);
    }
  }
}
