package dev.agentruntime.sandbox.local;

/**
 * How a {@link LocalSandboxProvider} works. {@link #defaults()} suit everybody; tests take the fallbacks.
 *
 * @param outputThreads threads that read the output of processes
 * @param workThreads threads for starting and for files
 * @param endThreads threads for ending processes and sandboxes; those who look for processes at the same time share what they find
 * @param fileEvents whether the kernel tells of changed files (inotify); without it outputs are polled
 * @param procfs whether processes are found through {@code /proc}; without it one that made a session of its own and has lost its parent
 *     is not found
 * @param outputPollMs between two looks at an output that is being read, where there are no file events
 * @param checkIntervalMs between two looks at whether a process lives, and for events that were missed
 * @param anythingIntervalMs between two times that "anything" is told of a workspace that cannot be watched
 * @param hintDelayMs for which changes of a workspace are gathered before they are told
 * @param watchedDirectories of one workspace; one with more of them cannot be watched
 * @param killTimeoutMs after which a process that does not go away although it was killed is reported
 */
public record LocalSandboxOptions(
    int outputThreads,
    int workThreads,
    int endThreads,
    boolean fileEvents,
    boolean procfs,
    long outputPollMs,
    long checkIntervalMs,
    long anythingIntervalMs,
    long hintDelayMs,
    int watchedDirectories,
    long killTimeoutMs) {

  public static LocalSandboxOptions defaults() {
    boolean linux = System.getProperty("os.name").equals("Linux");
    int cores = Runtime.getRuntime().availableProcessors();
    return new LocalSandboxOptions(Math.clamp(cores, 2, 8), 8, 32, linux, linux, 20, 2000, 500, 50, 8192, 10_000);
  }

  /** With the fallbacks that work everywhere. */
  public LocalSandboxOptions portable() {
    return new LocalSandboxOptions(outputThreads, workThreads, endThreads, false, false, outputPollMs, checkIntervalMs, anythingIntervalMs,
        hintDelayMs, watchedDirectories, killTimeoutMs);
  }

  public LocalSandboxOptions withWatchedDirectories(int most) {
    return new LocalSandboxOptions(outputThreads, workThreads, endThreads, fileEvents, procfs, outputPollMs, checkIntervalMs,
        anythingIntervalMs, hintDelayMs, most, killTimeoutMs);
  }
}
