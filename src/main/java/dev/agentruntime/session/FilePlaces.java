package dev.agentruntime.session;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import java.nio.charset.StandardCharsets;
import java.util.NavigableSet;

/**
 * Whether a file can be where a client wants it, for as long as there is no sandbox to ask. One that is stored all the same would let no
 * sandbox of the session start any more.
 */
final class FilePlaces {

  /** NAME_MAX of Linux. */
  private static final int LONGEST_NAME_BYTES = 255;
  /** PATH_MAX, less what a sandbox's own folder may take of it. */
  private static final int LONGEST_PATH_BYTES = 3_072;

  private FilePlaces() {}

  /**
   * @param path a relative path of proper parts
   * @param files the paths of all files that there are or are to be, in the order of their characters
   * @throws SandboxException {@code FORBIDDEN_PATH} as a sandbox has it
   */
  static void check(String path, NavigableSet<String> files) {
    boolean possible = bytes(path) <= LONGEST_PATH_BYTES && path.chars().noneMatch(c -> c < 0x20 || c == 0x7f || c == '\\');
    for (String part : path.split("/")) {
      possible &= bytes(part) <= LONGEST_NAME_BYTES;
    }
    require(possible, "the file system does not allow this name");
    for (int end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
      require(!files.contains(path.substring(0, end)), "a part of the path is a file");
    }
    String below = files.ceiling(path + "/");
    require(below == null || !below.startsWith(path + "/"), "there is a folder at this path");
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new SandboxException(Kind.FORBIDDEN_PATH, otherwise);
    }
  }
}
