package dev.agentruntime.config;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Every setting, at its value in force. {@code conf/agent-runtime.json} explains each; the names here are the names there.
 *
 * <p>Durations are milliseconds and sizes are bytes, as the names say. Every record refuses values that make no sense, all of them in one
 * {@link InvalidSettingsException}.
 *
 * @param port 0 takes a free one
 * @param profilesDir {@code null} for the profiles that come with the program
 * @param profileVariables what profiles of the store may take from the server's environment
 * @param allowedOrigins of web pages on other hosts that may use the API in a browser; {@value #ANY_ORIGIN} for all
 * @param storeUrl with {@code storePassword} in it, if there is one
 * @param storePassword of a database server's user, {@code null} if {@code storeUrl} has it or none is needed
 * @param storeConnections to a database server, at most
 * @param storeTimeoutMs how long a store that is reached over the network may take for one call; after a third of it clients are told
 */
public record Settings(
    String host,
    int port,
    Path dataDir,
    Path profilesDir,
    List<String> profileVariables,
    List<Secret> apiKeys,
    List<String> allowedOrigins,
    StoreUrl storeUrl,
    Secret storePassword,
    int storeConnections,
    long storeTimeoutMs,
    long idleTimeoutMs,
    long syncIntervalMs,
    long shutdownGraceMs,
    Limits limits,
    Sockets sockets,
    Workspace workspace,
    Sandbox sandbox,
    Claude claude,
    Anthropic anthropic,
    Convex convex,
    Modal modal,
    Log log) {

  public static final String ANY_ORIGIN = "*";

  private static final long HOUR_MS = 60 * 60_000L;
  private static final long YEAR_MS = 365 * 24 * HOUR_MS;
  private static final long MIB = 1 << 20;

  private static final String LOCAL = "local";
  private static final String MODAL = "modal";

  private static final String LOOPBACK_HOST = "(localhost|127(\\.\\d{1,3}){3}|\\[::1])";
  private static final Pattern LOOPBACK = Pattern.compile(LOOPBACK_HOST + "|::1|0:0:0:0:0:0:0:1");
  private static final Pattern HOST = Pattern.compile("[A-Za-z0-9_.:%\\[\\]-]+");
  private static final Pattern VISIBLE_ASCII = Pattern.compile("[\\x21-\\x7e]+");
  private static final Pattern ORIGIN = Pattern.compile("[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\\[[0-9a-f:.]+])(:\\d{1,5})?");
  private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
  /** In the clear only on this machine. */
  static final Pattern SERVER_ADDRESS =
      Pattern.compile("(https://[A-Za-z0-9.-]+|http://" + LOOPBACK_HOST + ")(:\\d{1,5})?/?");
  private static final Pattern MODAL_NAME = Pattern.compile("[a-zA-Z0-9._-]{1,64}");
  private static final Pattern LABEL = Pattern.compile("[a-zA-Z0-9-]{1,63}");
  private static final Pattern IMAGE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9./:@_-]*");
  private static final Pattern VERSION = Pattern.compile("\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.-]+)?");

  public Settings {
    apiKeys = apiKeys == null ? List.of() : List.copyOf(apiKeys);
    allowedOrigins = allowedOrigins == null ? List.of() : List.copyOf(allowedOrigins);
    profileVariables = profileVariables == null ? List.of() : List.copyOf(profileVariables);
    boolean closed = apiKeys.isEmpty();
    new Checks()
        .that(host != null && HOST.matcher(host).matches(), "host", "must be a host name or an address")
        .range("port", port, 0, 65_535)
        .that(dataDir != null && !dataDir.toString().isBlank(), "dataDir", "must name a directory")
        .that(profileVariables.stream().allMatch(name -> VARIABLE.matcher(name).matches()), "profileVariables",
            "must be names of environment variables: letters, digits and _")
        .that(apiKeys.stream().allMatch(key -> VISIBLE_ASCII.matcher(key.value()).matches()), "apiKeys",
            "a key must be visible ASCII characters without spaces, because it is sent in a header")
        .that(!closed || host == null || LOOPBACK.matcher(host).matches(), "host",
            "without an API key the server is open to anyone who can reach it, so it listens on loopback only: set AGENT_RUNTIME_API_KEYS, "
                + "or leave host at 127.0.0.1")
        .that(allowedOrigins.stream().allMatch(origin -> origin.equals(ANY_ORIGIN) || ORIGIN.matcher(origin).matches()), "allowedOrigins",
            "must be origins as browsers send them, like https://app.example or http://localhost:5173: no path, lower case; or *")
        .that(!closed || !allowedOrigins.contains(ANY_ORIGIN), "allowedOrigins",
            "without an API key * would let every web page run agents here: name the origins, or set AGENT_RUNTIME_API_KEYS")
        .present("storeUrl", storeUrl)
        .that(!(storeUrl instanceof StoreUrl.Convex) || convex == null || convex.deployKey != null,
            "convex.deployKey", "is missing: set CONVEX_DEPLOY_KEY to a deploy key of the deployment that storeUrl names")
        .that(storePassword == null || storeUrl == null || !storeUrl.holdsSecret(), "storePassword",
            "is set beside a password in storeUrl: leave one of them out")
        .range("storeConnections", storeConnections, 2, 1000)
        .range("storeTimeoutMs", storeTimeoutMs, 1000, HOUR_MS)
        .range("idleTimeoutMs", idleTimeoutMs, 1, YEAR_MS)
        .range("syncIntervalMs", syncIntervalMs, 1, 24 * HOUR_MS)
        .range("shutdownGraceMs", shutdownGraceMs, 1, HOUR_MS)
        .present("limits", limits)
        .present("sockets", sockets)
        .present("workspace", workspace)
        .present("sandbox", sandbox)
        .present("claude", claude)
        .present("anthropic", anthropic)
        .present("convex", convex)
        .present("modal", modal)
        .that(sandbox == null || modal == null || !sandbox.provider.equals(MODAL) || modal.hasToken(), "sandbox.provider",
            "is modal: set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET")
        .present("log", log)
        .done();
    if (storePassword != null && storeUrl instanceof StoreUrl.Database database) {
      storeUrl = database.withPassword(storePassword);
    }
  }

  /** After this long without an answer of the store, in milliseconds, clients are told that it does not answer. */
  public long storeSilenceMs() {
    return storeTimeoutMs / 3;
  }

  /** Whether agents run in Modal's sandboxes: by the setting, or because there is a token for it. */
  public boolean sandboxesOnModal() {
    return sandbox.provider.equals(MODAL) || sandbox.provider.isEmpty() && modal.hasToken();
  }

  /**
   * @param requestBytes the largest request body and socket message
   * @param requestHeadMs from a connection's opening, or the end of its last answer, to a whole set of headers
   * @param requestBodyMs from the headers to the end of the body
   * @param queuedMessages messages of a session that may wait
   * @param eventLogBytes what a session keeps of its past events, encoded, for readers that lag or come back
   * @param sessionBytes what the conversations of a session and its list of files take of memory, about, before its agent is stopped
   * @param agentLineBytes the longest line of an agent's output; the long texts in a longer one are cut
   * @param loadedSessions sessions in memory at once
   * @param unsavedBytes what a session keeps in memory while the store is away, before its agent has to wait
   * @param unsavedTotalBytes what all sessions together keep
   */
  public record Limits(int requestBytes, long requestHeadMs, long requestBodyMs, int queuedMessages, int eventLogBytes, int sessionBytes,
                       int agentLineBytes, int loadedSessions, int unsavedBytes, long unsavedTotalBytes) {
    public Limits {
      new Checks()
          .range("requestBytes", requestBytes, 1024, 1024 * MIB)
          .range("requestHeadMs", requestHeadMs, 1, HOUR_MS)
          .range("requestBodyMs", requestBodyMs, 1, 24 * HOUR_MS)
          .range("queuedMessages", queuedMessages, 0, 100_000)
          .range("eventLogBytes", eventLogBytes, 1024, 1024 * MIB)
          .range("sessionBytes", sessionBytes, 1024, 1024 * MIB)
          .range("agentLineBytes", agentLineBytes, 1024, 1024 * MIB)
          .range("loadedSessions", loadedSessions, 1, 10_000_000)
          .range("unsavedBytes", unsavedBytes, 1024, 1024 * MIB)
          .range("unsavedTotalBytes", unsavedTotalBytes, 1024, 1024 * 1024 * MIB)
          .done();
    }
  }

  /**
   * @param authTimeoutMs for the first frame of a socket that was opened without a key
   * @param pingIntervalMs a peer that is silent for two of them is dropped
   * @param sendBufferBytes the kernel's send buffer of a socket
   * @param maxConnections WebSockets and event streams at once
   * @param compression whether clients may have their WebSocket messages compressed
   */
  public record Sockets(long authTimeoutMs, long pingIntervalMs, int sendBufferBytes, int maxConnections, boolean compression) {
    public Sockets {
      new Checks()
          .range("authTimeoutMs", authTimeoutMs, 1, HOUR_MS)
          .range("pingIntervalMs", pingIntervalMs, 1, HOUR_MS)
          .range("sendBufferBytes", sendBufferBytes, 1024, 64 * MIB)
          .range("maxConnections", maxConnections, 1, 10_000_000)
          .done();
    }
  }

  /**
   * @param inlineFileBytes files up to this size are sent with their content
   * @param inlineTotalBytes and only while the contents sent for one session add up to no more than this
   * @param maxFileBytes larger files are listed and not stored
   * @param maxTotalBytes nor are files with which all that are stored of one session would be larger
   * @param ignore names of files and folders that are not part of a workspace
   */
  public record Workspace(int inlineFileBytes, int inlineTotalBytes, long maxFileBytes, long maxTotalBytes, List<String> ignore) {
    public Workspace {
      ignore = ignore == null ? List.of() : List.copyOf(ignore);
      new Checks()
          .range("inlineFileBytes", inlineFileBytes, 0, 64 * MIB)
          .range("inlineTotalBytes", inlineTotalBytes, 0, 1024 * MIB)
          .range("maxFileBytes", maxFileBytes, 0, 1024 * MIB)
          .range("maxTotalBytes", maxTotalBytes, 0, 1024 * 1024 * MIB)
          .that(ignore.stream().noneMatch(name -> name.isBlank() || name.contains("/")), "ignore",
              "must be names of files and folders, without /")
          .done();
    }
  }

  /**
   * @param provider {@code local}, {@code modal}, or empty for Modal if there is a token for it, else local
   * @param startTimeoutMs for each step of the start of a sandbox and its agent, and of finding again what an earlier server left
   * @param reattachTimeoutMs how long a re-attached agent may be silent about the message it was given
   * @param interruptTimeoutMs how long an agent may take to end its turn when interrupted, before it is killed
   * @param sweepIntervalMs between two looks for sandboxes that no session owns
   */
  public record Sandbox(String provider, long startTimeoutMs, long reattachTimeoutMs, long interruptTimeoutMs, long sweepIntervalMs) {
    public Sandbox {
      provider = provider == null ? "" : provider;
      new Checks()
          .that(provider.isEmpty() || List.of(LOCAL, MODAL).contains(provider), "provider",
              "must be local or modal, or empty, is \"" + provider + "\"" + NearestName.suggestion(provider, List.of(LOCAL, MODAL)))
          .range("startTimeoutMs", startTimeoutMs, 1, 24 * HOUR_MS)
          .range("reattachTimeoutMs", reattachTimeoutMs, 1, 24 * HOUR_MS)
          .range("interruptTimeoutMs", interruptTimeoutMs, 1, HOUR_MS)
          .range("sweepIntervalMs", sweepIntervalMs, 50, 24 * HOUR_MS)
          .done();
    }
  }

  /**
   * @param command the executable, or empty to look on the PATH and then install {@code version}
   * @param version of the npm package
   * @param maxRetries of a model request
   */
  public record Claude(String command, String version, int maxRetries) {
    public Claude {
      command = command == null ? "" : command;
      new Checks()
          .that(version != null && VERSION.matcher(version).matches(), "version", "must be a version like 1.2.3")
          .range("maxRetries", maxRetries, 0, 1000)
          .done();
    }
  }

  /**
   * @param apiKey {@code null} if there is none
   * @param baseUrl {@code null} for the vendor's own
   */
  public record Anthropic(Secret apiKey, String baseUrl) {
    public Anthropic {
      baseUrl = baseUrl == null || baseUrl.isEmpty() ? null : baseUrl;
      new Checks()
          .that(apiKey == null || VISIBLE_ASCII.matcher(apiKey.value()).matches(), "apiKey",
              "must be visible ASCII characters without spaces")
          .that(baseUrl == null || isHttpUrl(baseUrl), "baseUrl", "must be an http or https address")
          .done();
    }

    private static boolean isHttpUrl(String text) {
      try {
        URI uri = URI.create(text);
        return ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme())) && uri.getHost() != null;
      } catch (IllegalArgumentException e) {
        return false;
      }
    }
  }

  /** @param deployKey {@code null} if there is none */
  public record Convex(Secret deployKey) {
    public Convex {
      new Checks()
          .that(deployKey == null || VISIBLE_ASCII.matcher(deployKey.value()).matches(), "deployKey",
              "must be visible ASCII characters without spaces")
          .done();
    }
  }

  /**
   * @param tokenId {@code null} if there is none
   * @param tokenSecret {@code null} if there is none
   * @param environment of the workspace, or empty for the token's own
   * @param imageBuilderVersion or empty for the environment's own
   * @param runtimeId what this runtime's sandboxes are marked with; empty for one that is made once and kept in the data directory
   * @param baseImage of a registry; has to have Node.js, npm and {@code apt-get}
   * @param milliCpu thousandths of a core
   * @param regions or empty for any
   * @param network {@code open}, {@code blocked}, or {@code allowlist} for what the next two name
   * @param lifetimeMs after which Modal ends a sandbox, whole seconds, at most a day
   * @param renewBeforeMs a turn does not begin in a sandbox that has no longer to live than this
   * @param idleTimeoutMs after which Modal ends a sandbox whose runtime is gone, whole seconds
   * @param leaseMs for which a sandbox believes that its runtime lives without hearing of it
   */
  public record Modal(Secret tokenId, Secret tokenSecret, String serverUrl, String environment, String imageBuilderVersion, String appName,
                      String runtimeId, String baseImage, int milliCpu, int memoryMib, List<String> regions, String network,
                      List<String> allowedDomains, List<String> allowedCidrs, long lifetimeMs, long renewBeforeMs, long idleTimeoutMs,
                      long leaseMs) {
    public Modal {
      environment = environment == null ? "" : environment;
      imageBuilderVersion = imageBuilderVersion == null ? "" : imageBuilderVersion;
      runtimeId = runtimeId == null ? "" : runtimeId;
      regions = regions == null ? List.of() : List.copyOf(regions);
      allowedDomains = allowedDomains == null ? List.of() : List.copyOf(allowedDomains);
      allowedCidrs = allowedCidrs == null ? List.of() : List.copyOf(allowedCidrs);
      new Checks()
          .that(isHeader(tokenId), "tokenId", "must be visible ASCII characters without spaces")
          .that(isHeader(tokenSecret), "tokenSecret", "must be visible ASCII characters without spaces")
          .that(serverUrl != null && SERVER_ADDRESS.matcher(serverUrl).matches(), "serverUrl",
              "must be an https address without a path, or http to loopback")
          .that(environment.isEmpty() || MODAL_NAME.matcher(environment).matches(), "environment",
              "must be the name of an environment: letters, digits and . _ -")
          .that(appName != null && MODAL_NAME.matcher(appName).matches(), "appName", "must be up to 64 letters, digits and . _ -")
          .that(runtimeId.isEmpty() || LABEL.matcher(runtimeId).matches(), "runtimeId", "must be up to 63 letters, digits and -")
          .that(baseImage != null && IMAGE.matcher(baseImage).matches(), "baseImage", "must be the name of an image of a registry")
          .range("milliCpu", milliCpu, 100, 1_000_000)
          .range("memoryMib", memoryMib, 128, 1_000_000)
          .that(regions.stream().allMatch(region -> LABEL.matcher(region).matches()), "regions", "must be names of regions, like us-east")
          .oneOf("network", network, List.of("open", "blocked", "allowlist"))
          .that(!"allowlist".equals(network) || !allowedDomains.isEmpty() || !allowedCidrs.isEmpty(), "network",
              "is allowlist: name what is allowed in modal.allowedDomains or modal.allowedCidrs")
          .range("lifetimeMs", lifetimeMs, 1000, 24 * HOUR_MS)
          .range("renewBeforeMs", renewBeforeMs, 0, 24 * HOUR_MS)
          .that(renewBeforeMs < lifetimeMs, "renewBeforeMs", "must be less than modal.lifetimeMs")
          .range("idleTimeoutMs", idleTimeoutMs, 1000, 24 * HOUR_MS)
          .range("leaseMs", leaseMs, 1000, HOUR_MS)
          .done();
    }

    private static boolean isHeader(Secret secret) {
      return secret == null || VISIBLE_ASCII.matcher(secret.value()).matches();
    }

    /** A token has two parts; half of one is none. */
    public boolean hasToken() {
      return tokenId != null && tokenSecret != null;
    }

    public boolean hasHalfAToken() {
      return (tokenId == null) != (tokenSecret == null);
    }
  }

  /**
   * @param format {@code text} for people, {@code json} for one JSON object per line
   * @param level of the server's own messages: {@code error}, {@code warn}, {@code info}, {@code debug} or {@code trace}
   */
  public record Log(String format, String level) {
    public Log {
      new Checks()
          .oneOf("format", format, List.of("text", "json"))
          .oneOf("level", level, List.of("error", "warn", "info", "debug", "trace"))
          .done();
    }
  }
}
