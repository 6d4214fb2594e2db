package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalRig.await;
import static dev.agentruntime.sandbox.modal.ModalRig.failure;
import static dev.agentruntime.sandbox.modal.ModalRig.until;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.modal.proto.AuthTokenGetRequest;
import dev.agentruntime.sandbox.modal.proto.AuthTokenGetResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxTag;
import dev.agentruntime.sandbox.modal.proto.SandboxTagsGetRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxTagsGetResponse;
import dev.agentruntime.support.Logged;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SelfSignedCertificate;
import io.vertx.grpc.common.GrpcMessageDecoder;
import io.vertx.grpc.common.GrpcMessageEncoder;
import io.vertx.grpc.common.GrpcStatus;
import io.vertx.grpc.common.ServiceMethod;
import io.vertx.grpc.server.GrpcServer;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Connections: TLS, pings, idleness. The control plane here does nothing but answer. */
@Execution(ExecutionMode.CONCURRENT)
class ModalConnectionTest {

  private static final SandboxTagsGetRequest QUESTION = SandboxTagsGetRequest.newBuilder().setSandboxId("sb-1").build();

  private final Vertx vertx = Vertx.vertx();
  private final AtomicInteger calls = new AtomicInteger();
  private final List<NetSocket> proxied = new CopyOnWriteArrayList<>();
  /** How many connections there were; one may be gone again at once on a busy machine. */
  private final AtomicInteger connected = new AtomicInteger();
  private volatile boolean deaf;
  /** In one test alone, for what is logged of it is logged for all. */
  private volatile boolean warns;
  private volatile String encoding = "identity";

  private GrpcServer service;

  @BeforeEach
  void serve() {
    service = GrpcServer.server(vertx);
    service.callHandler(ServiceMethod.server(ModalRpc.CONTROL_PLANE, ModalRpc.AUTH_TOKEN_GET.name(),
        GrpcMessageEncoder.<AuthTokenGetResponse>encoder(), GrpcMessageDecoder.<AuthTokenGetRequest>decoder(ModalRpc.AUTH_TOKEN_GET.question())),
        request -> request.handler(question -> {
          calls.incrementAndGet();
          request.response().end(AuthTokenGetResponse.newBuilder().setToken("t").build());
        }));
    service.callHandler(ServiceMethod.server(ModalRpc.CONTROL_PLANE, ModalRpc.SANDBOX_TAGS_GET.name(),
        GrpcMessageEncoder.<SandboxTagsGetResponse>encoder(),
        GrpcMessageDecoder.<SandboxTagsGetRequest>decoder(ModalRpc.SANDBOX_TAGS_GET.question())),
        request -> request.handler(question -> {
          request.response().encoding(encoding);
          if (warns) {
            request.response().trailers().set("x-modal-warning", "an%20old%20client%2C really,an%20old%20client%2C really");
          }
          request.response().end(SandboxTagsGetResponse.newBuilder()
              .addTags(SandboxTag.newBuilder().setTagName("large").setTagValue("x".repeat(1 << 20))).build());
        }));
  }

  @AfterEach
  void stop() {
    await(vertx.close());
  }

  private int listen(HttpServerOptions options) {
    HttpServer server = vertx.createHttpServer(options).requestHandler(service);
    return await(server.listen(0, "127.0.0.1")).actualPort();
  }

  private static ModalClientOptions options(String url) {
    return ModalClientOptions.of(URI.create(url), "ak", "as");
  }

  @Test
  void tlsIsSpokenToWhoeverIsTrusted() {
    SelfSignedCertificate certificate = SelfSignedCertificate.create("localhost");
    int port = listen(new HttpServerOptions().setSsl(true).setUseAlpn(true).setKeyCertOptions(certificate.keyCertOptions()));
    ModalClientOptions trusting = options("https://localhost:" + port).withTrust(certificate.trustOptions());
    assertThat(await(new ModalClient(vertx, trusting).call(ModalRpc.SANDBOX_TAGS_GET, QUESTION)).getTagsCount()).isOne();
    calls.set(0);
    assertThat(failure(new ModalClient(vertx, options("https://localhost:" + port)).call(ModalRpc.SANDBOX_TAGS_GET, QUESTION)))
        .hasMessageContaining("does not answer");
    assertThat(failure(new ModalClient(vertx, options("https://127.0.0.1:" + port).withTrust(certificate.trustOptions()))
        .call(ModalRpc.SANDBOX_TAGS_GET, QUESTION))).as("the certificate is for another host").isNotNull();
    assertThat(calls.get()).as("no token was sent").isZero();
  }

  @Test
  void aLargeAnswerOfTheControlPlaneIsRead() {
    int port = listen(new HttpServerOptions());
    assertThat(await(new ModalClient(vertx, options("http://127.0.0.1:" + port)).call(ModalRpc.SANDBOX_TAGS_GET, QUESTION))
        .getTags(0).getTagValue()).hasSize(1 << 20);
  }

  @Test
  void anAnswerThatIsCompressedIsReadUpToTheSameSize() {
    encoding = "gzip";
    URI url = URI.create("http://127.0.0.1:" + listen(new HttpServerOptions()));
    assertThat(await(new ModalClient(vertx, options(url.toString())).call(ModalRpc.SANDBOX_TAGS_GET, QUESTION)).getTags(0).getTagValue())
        .hasSize(1 << 20);
    SandboxException tooLarge = failure(new ModalClient(vertx, options(url.toString()).withMaxMessageBytes(1 << 19))
        .call(ModalRpc.SANDBOX_TAGS_GET, QUESTION));
    assertThat(ModalStatusException.statusOf(tooLarge)).contains(GrpcStatus.RESOURCE_EXHAUSTED);
  }

  @Test
  void aConnectionThatDoesNotAnswerPingsIsReplaced() {
    int port = proxy(listen(new HttpServerOptions()));
    ModalClient client = new ModalClient(vertx, options("http://127.0.0.1:" + port).withConnections(200, 200, 60_000).withTimes(3_600_000, 1000, 1000));
    await(client.call(ModalRpc.SANDBOX_TAGS_GET, QUESTION));
    deaf = true;
    Future<SandboxTagsGetResponse> pending = client.call(ModalRpc.SANDBOX_TAGS_GET, QUESTION);
    until(() -> proxied.isEmpty());
    deaf = false;
    assertThat(await(pending).getTagsCount()).isOne();
  }

  @Test
  void pingsAreSentAlsoWhileNothingIsAsked() {
    int port = proxy(listen(new HttpServerOptions()));
    ModalClient client = new ModalClient(vertx, options("http://127.0.0.1:" + port).withConnections(100, 100, 60_000));
    await(client.call(ModalRpc.SANDBOX_TAGS_GET, QUESTION));
    assertThat(connected.get()).isPositive();
    deaf = true;
    until(() -> proxied.isEmpty());
  }

  @Test
  void aConnectionThatIsNotUsedIsClosed() {
    int port = proxy(listen(new HttpServerOptions()));
    ModalClient client = new ModalClient(vertx, options("http://127.0.0.1:" + port).withConnections(60_000, 60_000, 1000));
    await(client.call(ModalRpc.SANDBOX_TAGS_GET, QUESTION));
    assertThat(connected).hasValue(1);
    until(() -> proxied.isEmpty());
    await(client.call(ModalRpc.SANDBOX_TAGS_GET, QUESTION));
  }

  @Test
  void whatModalWarnsOfIsLoggedOnce() {
    warns = true;
    try (Logged logged = new Logged(Warnings.class.getName(), Level.WARN)) {
      ModalClient client = new ModalClient(vertx, options("http://127.0.0.1:" + listen(new HttpServerOptions())));
      await(client.call(ModalRpc.SANDBOX_TAGS_GET, QUESTION));
      await(client.call(ModalRpc.SANDBOX_TAGS_GET, QUESTION));
      assertThat(logged.lines("")).containsExactly("Modal warns: an old client, really");
    }
  }

  /** Lets nothing through to the client while it is deaf. */
  private int proxy(int behind) {
    NetServer proxy = vertx.createNetServer().connectHandler(client -> {
      client.pause();
      proxied.add(client);
      connected.incrementAndGet();
      client.closeHandler(closed -> proxied.remove(client));
      vertx.createNetClient().connect(behind, "127.0.0.1").onSuccess(server -> {
        client.handler(server::write);
        server.handler(bytes -> forward(client, bytes));
        client.closeHandler(closed -> {
          proxied.remove(client);
          server.close();
        });
        client.resume();
      });
    });
    return await(proxy.listen(0, "127.0.0.1")).actualPort();
  }

  private void forward(NetSocket client, Buffer bytes) {
    if (!deaf) {
      client.write(bytes);
    }
  }
}
