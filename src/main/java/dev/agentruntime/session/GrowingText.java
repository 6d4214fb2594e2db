package dev.agentruntime.session;

import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/**
 * A text that is appended to, and whose past states share what they have in common, so that many of them cost little more than one. Not
 * thread-safe, but a {@link Past} may be read on any thread.
 */
final class GrowingText {

  private static final int PART_CHARS = 8 * 1024;

  private final List<String> parts = new ArrayList<>(0);
  private final StringBuilder last;

  GrowingText(String text) {
    last = new StringBuilder(text);
  }

  void append(String more) {
    last.append(more);
    if (last.length() >= PART_CHARS) {
      parts.add(last.toString());
      last.setLength(0);
    }
  }

  /** The text as it is now, and stays. */
  Past now() {
    List<String> all = new ArrayList<>(parts.size() + 1);
    all.addAll(parts);
    all.add(last.toString());
    return new Past(all);
  }

  @Override
  public String toString() {
    return parts.isEmpty() ? last.toString() : String.join("", now().parts());
  }

  /** @param parts one after the other; never changed */
  record Past(List<String> parts) {

    Reader reader() {
      return new Reader() {
        private int part;
        private int at;

        @Override
        public int read(char[] into, int offset, int length) {
          while (part < parts.size() && at == parts.get(part).length()) {
            part++;
            at = 0;
          }
          if (part == parts.size()) {
            return -1;
          }
          int count = Math.min(length, parts.get(part).length() - at);
          parts.get(part).getChars(at, at + count, into, offset);
          at += count;
          return count;
        }

        @Override
        public void close() {
          // Nothing is open.
        }
      };
    }
  }
}
