package dev.agentruntime.persistence;

import dev.agentruntime.persistence.PersistenceException.Kind;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * A place in the list of sessions, for adapters that list by {@code createdAt} and id: it names the last session shown, which need not
 * exist any more. Ordered as {@link PersistenceAdapter#listAllSessions} is: newest first. Its text is for clients to hand back unread.
 *
 * @param createdAt epoch milliseconds
 */
public record SessionCursor(long createdAt, String sessionId) implements Comparable<SessionCursor> {

  public static SessionCursor of(SessionRecord last) {
    return new SessionCursor(last.createdAt(), last.sessionId());
  }

  /** @throws PersistenceException of kind {@code INVALID} for text that {@link #toString()} did not make */
  public static SessionCursor parse(String text) {
    try {
      String decoded = new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8);
      int colon = decoded.indexOf(':');
      SessionCursor cursor = new SessionCursor(Long.parseLong(decoded, 0, colon, 10), decoded.substring(colon + 1));
      if (cursor.toString().equals(text)) {
        return cursor;
      }
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      // said below
    }
    throw new PersistenceException(Kind.INVALID, "not a cursor that a page of sessions came with");
  }

  /** @throws PersistenceException of kind {@code INVALID} for less than 1 */
  public static void requireLimit(int limit) {
    if (limit < 1) {
      throw new PersistenceException(Kind.INVALID, "a page has at least one session");
    }
  }

  @Override
  public int compareTo(SessionCursor other) {
    int byTime = Long.compare(other.createdAt, createdAt);
    return byTime != 0 ? byTime : CodePoints.ORDER.compare(other.sessionId, sessionId);
  }

  @Override
  public String toString() {
    return Base64.getUrlEncoder().withoutPadding().encodeToString((createdAt + ":" + sessionId).getBytes(StandardCharsets.UTF_8));
  }
}
