package dev.agentruntime.agent.demo;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.Map;

/** The lines on stdout. Safe for use by several threads; blocks when the reader does not read. A line is seen after {@link #flush}. */
final class DemoOutput {

  private static final int BUFFER_BYTES = 1 << 16;

  private final OutputStream out;
  private final String sessionId;

  DemoOutput(OutputStream out, String sessionId) {
    this.out = new BufferedOutputStream(out, BUFFER_BYTES);
    this.sessionId = sessionId;
  }

  /** Prints a line of the session, with an id of its own unless it has one. */
  synchronized void line(Map<String, Object> line) {
    line.putIfAbsent("session_id", sessionId);
    line.putIfAbsent("uuid", DemoIds.uuid());
    bare(line, false);
  }

  /** Prints a line as it is. @param ascii whether all else is escaped */
  synchronized void bare(Map<String, Object> line, boolean ascii) {
    try {
      PlainJson.write(line, out, ascii);
      out.write('\n');
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  synchronized void bytes(byte[] bytes) {
    try {
      out.write(bytes, 0, bytes.length);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  synchronized void flush() {
    try {
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
