package dev.agentruntime.sandbox.modal;

import io.vertx.core.net.TrustOptions;
import java.net.URI;

/**
 * Whom a {@link ModalClient} talks to, and how. {@link #of} has what Modal's own SDKs have.
 *
 * @param serverUrl the control plane ({@code MODAL_SERVER_URL}); {@code http} only to loopback, for tests, and then routers on loopback are
 *     reached without TLS too
 * @param tokenId {@code MODAL_TOKEN_ID}; a secret
 * @param tokenSecret {@code MODAL_TOKEN_SECRET}; a secret
 * @param clientType {@code x-modal-client-type}: no number is Java's, so it is that of the SDK whose calls these are (8, JavaScript)
 * @param clientVersion {@code x-modal-client-version}: which version of the Python SDK this behaves like
 * @param libraryVersion {@code x-modal-libmodal-version}
 * @param environmentInline whether variables go to an exec as {@code env}, as the SDKs before npm 0.11 sent them, in place of
 *     {@code secret_sources}
 * @param maxMessageBytes of one message that comes in
 * @param connectionWindowBytes that a peer may send on one connection before they are consumed
 * @param streamWindowBytes that a peer may send on one stream before they are consumed; well below that of the connection, so that a slow
 *     reader does not stop those beside it and fills no more memory than this
 * @param connectionsPerHost most of them; a second one is made when the streams of the first are used up
 * @param connectTimeoutMs of one connection, handshake included
 * @param callTimeoutMs of one attempt of a call that answers at once
 * @param pingIntervalMs between two HTTP/2 PINGs of a connection, used or not
 * @param pingTimeoutMs after which a connection that has not answered a PING is closed
 * @param idleConnectionMs after which a connection without a stream is closed; at least a second
 * @param maxThrottleWaitMs that one call may spend in waits that the service asked for ({@code MODAL_MAX_THROTTLE_WAIT})
 * @param workerPatienceMs that a worker is tried for before it is given up while its sandbox is said to run, also the first time, when it may
 *     still be starting
 * @param trust whom to trust in place of what the JVM trusts; may be null
 */
public record ModalClientOptions(
    URI serverUrl,
    String tokenId,
    String tokenSecret,
    int clientType,
    String clientVersion,
    String libraryVersion,
    boolean environmentInline,
    long maxMessageBytes,
    int connectionWindowBytes,
    int streamWindowBytes,
    int connectionsPerHost,
    long connectTimeoutMs,
    long callTimeoutMs,
    long pingIntervalMs,
    long pingTimeoutMs,
    long idleConnectionMs,
    long maxThrottleWaitMs,
    long workerPatienceMs,
    TrustOptions trust) {

  public static final URI SERVER = URI.create("https://api.modal.com");

  private static final int MIB = 1 << 20;

  /** @throws IllegalArgumentException if the URL is none that a token may be sent to, with a message that has no secret */
  public ModalClientOptions {
    Endpoint.of(serverUrl);
  }

  public static ModalClientOptions of(URI serverUrl, String tokenId, String tokenSecret) {
    return new ModalClientOptions(serverUrl, tokenId, tokenSecret, 8, "1.0.0", "modal-java/0.1.0", false, 100L * MIB, 64 * MIB, 4 * MIB, 32,
        10_000, 30_000, 30_000, 10_000, 30_000, 300_000, 310_000, null);
  }

  /** With other times of connections. */
  public ModalClientOptions withConnections(long pingIntervalMs, long pingTimeoutMs, long idleConnectionMs) {
    return new ModalClientOptions(serverUrl, tokenId, tokenSecret, clientType, clientVersion, libraryVersion, environmentInline,
        maxMessageBytes, connectionWindowBytes, streamWindowBytes, connectionsPerHost, connectTimeoutMs, callTimeoutMs, pingIntervalMs,
        pingTimeoutMs, idleConnectionMs, maxThrottleWaitMs, workerPatienceMs, trust);
  }

  /** With other times of calls. */
  public ModalClientOptions withTimes(long callTimeoutMs, long maxThrottleWaitMs, long workerPatienceMs) {
    return new ModalClientOptions(serverUrl, tokenId, tokenSecret, clientType, clientVersion, libraryVersion, environmentInline,
        maxMessageBytes, connectionWindowBytes, streamWindowBytes, connectionsPerHost, connectTimeoutMs, callTimeoutMs, pingIntervalMs,
        pingTimeoutMs, idleConnectionMs, maxThrottleWaitMs, workerPatienceMs, trust);
  }

  /** With another bound of one message. */
  public ModalClientOptions withMaxMessageBytes(long maxMessageBytes) {
    return new ModalClientOptions(serverUrl, tokenId, tokenSecret, clientType, clientVersion, libraryVersion, environmentInline,
        maxMessageBytes, connectionWindowBytes, streamWindowBytes, connectionsPerHost, connectTimeoutMs, callTimeoutMs, pingIntervalMs,
        pingTimeoutMs, idleConnectionMs, maxThrottleWaitMs, workerPatienceMs, trust);
  }

  public ModalClientOptions withTrust(TrustOptions trust) {
    return new ModalClientOptions(serverUrl, tokenId, tokenSecret, clientType, clientVersion, libraryVersion, environmentInline,
        maxMessageBytes, connectionWindowBytes, streamWindowBytes, connectionsPerHost, connectTimeoutMs, callTimeoutMs, pingIntervalMs,
        pingTimeoutMs, idleConnectionMs, maxThrottleWaitMs, workerPatienceMs, trust);
  }

  @Override
  public String toString() {
    return "ModalClientOptions[serverUrl=" + serverUrl + ", tokenId=***, tokenSecret=***]";
  }
}
