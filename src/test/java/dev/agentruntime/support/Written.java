package dev.agentruntime.support;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What processes have written, as the kernel counts it. */
public final class Written {

  private static final Pattern WRITTEN = Pattern.compile("(?m)^wchar: (\\d+)$");

  private Written() {}

  /** Bytes given to write calls, of sockets as well if the process writes to them so; 0 for a process that has ended. */
  public static long bytes(long pid) {
    try {
      Matcher matcher = WRITTEN.matcher(Files.readString(Path.of("/proc", Long.toString(pid), "io")));
      return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    } catch (IOException e) {
      return 0;
    }
  }
}
