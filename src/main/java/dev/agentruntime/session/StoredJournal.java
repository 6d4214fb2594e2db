package dev.agentruntime.session;

import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.LineCutter;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.Consumer;

/**
 * The lines of a session's journal that are stored, read piece by piece each time they are asked for, so that a large journal is never in
 * memory as a whole. Runs on the session's own context and awaits there.
 */
final class StoredJournal {

  /** Reads from a store. */
  interface Source {
    /** Up to {@code length} bytes from {@code offset}; fewer only at the end. */
    Buffer read(long offset, int length);
  }

  private static final int PIECE_BYTES = 1 << 20;

  private final Source source;
  private final long length;
  /** All of it, if it is no more than a piece and was read before. */
  private byte[] small;

  /** @param length bytes that are there */
  StoredJournal(Source source, long length) {
    this.source = source;
    this.length = length;
  }

  static StoredJournal of(SessionStore store, long length) {
    return new StoredJournal((offset, most) -> Future.await(store.readTranscript(Journal.TRANSCRIPT, offset, most)), length);
  }

  /** Each entry in order. A last line without its end was never completed and is left out. */
  void forEach(Consumer<JournalEntry> reader) {
    LineCutter lines = new LineCutter((bytes, from, to) -> reader.accept(entry(bytes, from, to - from)));
    for (long offset = 0; offset < length; ) {
      byte[] piece = piece(offset);
      lines.take(piece, 0, piece.length);
      offset += piece.length;
    }
  }

  private byte[] piece(long offset) {
    if (small != null) {
      return small;
    }
    byte[] piece = source.read(offset, (int) Math.min(PIECE_BYTES, length - offset)).getBytes();
    if (piece.length == 0) {
      throw new IllegalStateException("the journal of a session is shorter than the store says");
    }
    small = piece.length == length ? piece : null;
    return piece;
  }

  private static JournalEntry entry(byte[] bytes, int from, int length) {
    try {
      return Json.MAPPER.readValue(bytes, from, length, JournalEntry.class);
    } catch (IOException e) {
      throw new UncheckedIOException("the journal of a session cannot be read", e);
    }
  }
}
