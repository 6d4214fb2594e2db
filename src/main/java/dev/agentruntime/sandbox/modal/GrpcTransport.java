package dev.agentruntime.sandbox.modal;

import com.google.protobuf.CodedInputStream;
import io.netty.buffer.ByteBuf;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.grpc.client.GrpcClientOptions;
import io.vertx.grpc.client.GrpcClientRequest;
import io.vertx.grpc.client.impl.GrpcClientImpl;
import io.vertx.grpc.common.GrpcMessage;
import io.vertx.grpc.common.MessageSizeOverflowException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * HTTP/2 connections, shared by all calls to a host and closed when unused. They are pinged, also when idle, so that one that has died is
 * noticed (Modal's SDKs: every 30 s, 10 s for the answer, max. message 100 MiB, windows of 64 MiB).
 */
final class GrpcTransport {

  private static final Logger log = LoggerFactory.getLogger(GrpcTransport.class);
  private static final Buffer PING = Buffer.buffer("modalrt.");

  private final Vertx vertx;
  private final ModalClientOptions options;
  private final PooledClient client;
  private final Warnings warnings = new Warnings();

  GrpcTransport(Vertx vertx, ModalClientOptions options) {
    this.vertx = vertx;
    this.options = options;
    HttpClientOptions http = new HttpClientOptions()
        .setProtocolVersion(HttpVersion.HTTP_2)
        .setHttp2ClearTextUpgrade(false)
        .setUseAlpn(true)
        .setTrustOptions(options.trust())
        .setConnectTimeout((int) options.connectTimeoutMs())
        .setSslHandshakeTimeout(options.connectTimeoutMs())
        .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS)
        .setHttp2KeepAliveTimeout((int) Math.max(1, TimeUnit.MILLISECONDS.toSeconds(options.idleConnectionMs())))
        .setHttp2ConnectionWindowSize(options.connectionWindowBytes())
        .setInitialSettings(new Http2Settings().setInitialWindowSize(options.streamWindowBytes()).setPushEnabled(false));
    this.client = new PooledClient(vertx, new GrpcClientOptions().setMaxMessageSize(options.maxMessageBytes()), vertx.httpClientBuilder()
        .with(http)
        .with(new PoolOptions().setHttp2MaxSize(options.connectionsPerHost()))
        .withConnectHandler(this::keepAlive)
        .build());
  }

  /** On the current context, which the call then stays on. */
  Future<GrpcClientRequest<Buffer, Buffer>> request(Endpoint endpoint) {
    return client.request(new RequestOptions().setMethod(HttpMethod.POST).setHost(endpoint.host()).setPort(endpoint.port())
        .setSsl(endpoint.tls()).setConnectTimeout(options.connectTimeoutMs()));
  }

  /**
   * The bytes of a message, not copied: a service may compress it, as every request of the library says that it may.
   *
   * @throws MessageSizeOverflowException if it is too large
   * @throws IOException if it is not what it says
   */
  CodedInputStream payload(GrpcMessage message) throws IOException {
    if (!message.encoding().equals("gzip")) {
      ByteBuf bytes = ((BufferInternal) message.payload()).getByteBuf();
      return bytes.hasArray() ? CodedInputStream.newInstance(bytes.array(), bytes.arrayOffset() + bytes.readerIndex(), bytes.readableBytes())
          : CodedInputStream.newInstance(message.payload().getBytes());
    }
    int most = Math.toIntExact(options.maxMessageBytes());
    try (InputStream plain = new GZIPInputStream(new ByteArrayInputStream(message.payload().getBytes()))) {
      byte[] whole = plain.readNBytes(most);
      if (plain.read() >= 0) {
        throw new MessageSizeOverflowException(most);
      }
      return CodedInputStream.newInstance(whole);
    }
  }

  Warnings warnings() {
    return warnings;
  }

  private void keepAlive(HttpConnection connection) {
    long pings = vertx.setPeriodic(options.pingIntervalMs(), each -> ping(connection));
    connection.closeHandler(closed -> vertx.cancelTimer(pings));
  }

  private void ping(HttpConnection connection) {
    long deadline = vertx.setTimer(options.pingTimeoutMs(), late -> {
      log.warn("{} does not answer: its connection is closed", connection.remoteAddress());
      connection.close();
    });
    connection.ping(PING).onComplete(answered -> vertx.cancelTimer(deadline));
  }

  Future<Void> close() {
    return client.close();
  }

  /** The library's own builder has no say over the pool, nor a handler for connections. */
  private static final class PooledClient extends GrpcClientImpl {
    PooledClient(Vertx vertx, GrpcClientOptions options, HttpClient client) {
      super(vertx, options, client, true);
    }
  }
}
