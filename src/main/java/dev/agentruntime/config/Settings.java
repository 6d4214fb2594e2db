package dev.agentruntime.config;

import java.nio.file.Path;
import java.util.List;

/**
 * Every setting, at its value in force. {@code conf/agent-runtime.json} explains each; the names here are the names there.
 *
 * <p>Durations are milliseconds and sizes are bytes, as the names say.
 */
public record Settings(
    String host,
    int port,
    Path dataDir,
    Path profilesDir,
    List<Secret> apiKeys,
    String storeUrl,
    long idleTimeoutMs,
    long syncIntervalMs,
    long shutdownGraceMs,
    Limits limits,
    Sockets sockets,
    Workspace workspace,
    Sandbox sandbox,
    Claude claude,
    Anthropic anthropic) {

  /**
   * @param requestBytes the largest request body and socket message
   * @param queuedMessages messages of a session that may wait
   * @param eventLogBytes what a session keeps of its past events, encoded, for readers that lag or come back
   * @param agentLineBytes the longest line of an agent's output
   * @param loadedSessions sessions in memory at once
   */
  public record Limits(int requestBytes, int queuedMessages, int eventLogBytes, int agentLineBytes, int loadedSessions) {}

  /**
   * @param sendBufferBytes the kernel's send buffer of a socket
   * @param compression whether clients may have their WebSocket messages compressed
   */
  public record Sockets(long authTimeoutMs, long pingIntervalMs, int sendBufferBytes, int maxConnections, boolean compression) {}

  /**
   * @param inlineFileBytes files up to this size are sent with their content
   * @param inlineTotalBytes and only while the contents sent for one session add up to no more than this
   * @param maxFileBytes larger files are listed and not stored
   * @param ignore names of files and folders that are not part of a workspace
   */
  public record Workspace(int inlineFileBytes, int inlineTotalBytes, long maxFileBytes, List<String> ignore) {}

  /**
   * @param provider {@code local}
   * @param startTimeoutMs for everything from the first message to the agent's start
   * @param reattachTimeoutMs how long a re-attached agent may be silent about the message it was given
   * @param interruptTimeoutMs how long an agent may take to end its turn when interrupted, before it is killed
   */
  public record Sandbox(String provider, long startTimeoutMs, long reattachTimeoutMs, long interruptTimeoutMs) {}

  /**
   * @param command the executable, or empty to look on the PATH and then install {@code version}
   * @param version of the npm package
   * @param maxRetries of a model request
   */
  public record Claude(String command, String version, int maxRetries) {}

  /**
   * @param apiKey {@code null} if there is none
   * @param baseUrl {@code null} for the vendor's own
   */
  public record Anthropic(Secret apiKey, String baseUrl) {}
}
