package dev.agentruntime.agent.claude;

/**
 * The name that Claude Code gives to the folder of a working directory's transcripts: the path with all but letters and digits replaced,
 * and, if that is long, cut off and told apart by a hash of the path. Found out by trying the CLI 2.1.330.
 */
final class ProjectFolder {

  private static final int MAX_LENGTH = 200;

  private ProjectFolder() {}

  /** @param workingDirectory as the CLI sees it: absolute, without links */
  static String of(String workingDirectory) {
    StringBuilder name = new StringBuilder(workingDirectory);
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (!(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9')) {
        name.setCharAt(i, '-');
      }
    }
    if (name.length() <= MAX_LENGTH) {
      return name.toString();
    }
    return name.substring(0, MAX_LENGTH) + "-" + Long.toString(Math.abs((long) workingDirectory.hashCode()), 36);
  }
}
