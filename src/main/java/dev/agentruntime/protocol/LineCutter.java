package dev.agentruntime.protocol;

import java.io.ByteArrayOutputStream;

/** Cuts bytes that come in pieces into lines. Only a line that goes over the edge of a piece is copied. Not thread-safe. */
public final class LineCutter {

  /** Given each line, without its end. The bytes may be used until it returns. */
  public interface Reader {
    void line(byte[] bytes, int from, int to);
  }

  private final Reader reader;
  private ByteArrayOutputStream cut = new ByteArrayOutputStream();

  public LineCutter(Reader reader) {
    this.reader = reader;
  }

  /** @param to exclusive */
  public void take(byte[] piece, int from, int to) {
    int start = from;
    for (int i = from; i < to; i++) {
      if (piece[i] == '\n') {
        if (cut.size() == 0) {
          reader.line(piece, start, i);
        } else {
          cut.write(piece, start, i - start);
          end();
        }
        start = i + 1;
      }
    }
    cut.write(piece, start, to - start);
  }

  /** That nothing more comes: what has no end yet is a line, too. */
  public void end() {
    if (cut.size() > 0) {
      byte[] line = cut.toByteArray();
      cut = new ByteArrayOutputStream();
      reader.line(line, 0, line.length);
    }
  }
}
