package dev.agentruntime.server;

import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.Deque;

/** What waits for one client that is slower than its stream. Used on the client's event loop only, but for {@link #bytesHeld()}. */
final class OutgoingQueue {

  private final Deque<Outgoing> waiting = new ArrayDeque<>();
  private volatile long bytesHeld;

  /** @param text taken over */
  void add(Outgoing text) {
    bytesHeld += text.bytesHeld();
    waiting.add(text);
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /** Whether the next piece goes on with a text of which the client has some already. */
  boolean isWithinText() {
    return !waiting.isEmpty() && waiting.peek().begun();
  }

  /** Bytes that are held of the text that is next. Only while not empty. */
  long bytesHeldOfNext() {
    return waiting.peek().bytesHeld();
  }

  /** The next piece, of one text, which the caller owns; {@code null} if it is not made yet. Only while not empty. */
  ByteBuf next(int maxBytes) {
    Outgoing text = waiting.peek();
    long before = text.bytesHeld();
    ByteBuf piece = text.next(maxBytes);
    bytesHeld += text.bytesHeld() - before;
    if (piece != null && text.ended()) {
      bytesHeld -= text.bytesHeld();
      waiting.poll().release();
    }
    return piece;
  }

  /** Whether the next piece will never come. */
  boolean failed() {
    return !waiting.isEmpty() && waiting.peek().failed();
  }

  /** Bytes that are held for this client alone. From any thread. */
  long bytesHeld() {
    return bytesHeld;
  }

  void drop() {
    waiting.forEach(Outgoing::release);
    waiting.clear();
    bytesHeld = 0;
  }
}
