package dev.agentruntime.session;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxPath;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.NavigableSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Whether a file can be where a client wants it. */
final class FilePlaces {

  private static final Logger log = LoggerFactory.getLogger(FilePlaces.class);

  /** NAME_MAX of Linux. */
  private static final int LONGEST_NAME_BYTES = 255;
  /** PATH_MAX, less what a sandbox's own folder may take of it. */
  private static final int LONGEST_PATH_BYTES = 3_072;

  private FilePlaces() {}

  /** @throws ApiException if the path is none of a file inside the workspace, or has one of the {@code ignored} names in it */
  static SandboxPath inside(String path, List<String> ignored) {
    try {
      SandboxPath resolved = SandboxPath.workspace(path);
      for (String part : path.split("/")) {
        if (ignored.contains(part)) {
          throw new ApiException(ErrorCode.INVALID_REQUEST, "Files in " + part + " are not part of the workspace.");
        }
      }
      if (!path.isEmpty()) {
        return resolved;
      }
    } catch (SandboxException e) {
      log.debug("refused a path", e);
    }
    throw new ApiException(ErrorCode.INVALID_REQUEST, "The path does not name a file inside the workspace.");
  }

  /**
   * For as long as there is no sandbox to ask. A file that is stored where none can be would let no sandbox of the session start any more.
   *
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
