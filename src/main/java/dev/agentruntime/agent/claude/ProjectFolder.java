package dev.agentruntime.agent.claude;

/** The name that Claude Code gives to the folder of a working directory's transcripts. */
final class ProjectFolder {

  private ProjectFolder() {}

  static String of(String workingDirectory) {
    return workingDirectory.replaceAll("[^a-zA-Z0-9]", "-");
  }
}
