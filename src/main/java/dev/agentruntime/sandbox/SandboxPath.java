package dev.agentruntime.sandbox;

/**
 * A place in a sandbox.
 *
 * @param relative with {@code /} between its parts; {@code ""} is the root itself
 */
public record SandboxPath(Root root, String relative) {

  public enum Root { WORKSPACE, HOME }

  /** @throws SandboxException with {@code FORBIDDEN_PATH} if the path is absolute or climbs, or has a NUL or an empty part */
  public SandboxPath {
    if (!relative.isEmpty()) {
      for (String part : relative.split("/", -1)) {
        if (part.isEmpty() || part.equals(".") || part.equals("..") || part.indexOf('\0') >= 0) {
          throw new SandboxException(SandboxException.Kind.FORBIDDEN_PATH, "not a path inside the sandbox's folder");
        }
      }
    }
  }

  public static SandboxPath workspace(String relative) {
    return new SandboxPath(Root.WORKSPACE, relative);
  }

  public static SandboxPath home(String relative) {
    return new SandboxPath(Root.HOME, relative);
  }
}
