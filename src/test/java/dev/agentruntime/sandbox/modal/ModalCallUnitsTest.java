package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import dev.agentruntime.sandbox.modal.proto.RPCRetryPolicy;
import dev.agentruntime.sandbox.modal.proto.RPCStatus;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.grpc.common.GrpcStatus;
import java.net.URI;
import java.util.Base64;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The parts of a call that need no service. */
class ModalCallUnitsTest {

  @ParameterizedTest
  @CsvSource(delimiter = '|', nullValues = "null", textBlock = """
      null              | ''
      plain + text      | plain + text
      caf%C3%A9 %E2%82%AC | café €
      100%              | 100%
      %zz%4             | %zz%4
      %25               | %
      naïve             | naïve
      """)
  void aStatusMessageIsPercentDecoded(String sent, String meant) {
    assertThat(Exchange.decode(sent)).isEqualTo(meant);
  }

  @ParameterizedTest
  @CsvSource({"3.25, 3250", "0, 0", "-1, 0"})
  void aWaitThatTheServiceAsksForIsReadFromTheDetails(float seconds, long ms) {
    byte[] details = details("type.googleapis.com/modal.client.RPCRetryPolicy", seconds);
    for (String encoded : new String[] {Base64.getEncoder().encodeToString(details),
        Base64.getEncoder().withoutPadding().encodeToString(details)}) {
      assertThat(answered(encoded).retryAfterMs()).contains(ms);
    }
  }

  @Test
  void otherDetailsAskForNoWait() {
    assertThat(answered(Base64.getEncoder().encodeToString(details("type.googleapis.com/google.rpc.ErrorInfo", 1))).retryAfterMs()).isEmpty();
    assertThat(answered("AAAA####").retryAfterMs()).isEmpty();
    assertThat(answered(null).retryAfterMs()).isEmpty();
  }

  private static ModalStatusException answered(String details) {
    MultiMap trailers = MultiMap.caseInsensitiveMultiMap();
    if (details != null) {
      trailers.set("grpc-status-details-bin", details);
    }
    return ModalStatusException.answered(GrpcStatus.RESOURCE_EXHAUSTED, "slow down", trailers);
  }

  private static byte[] details(String type, float seconds) {
    return RPCStatus.newBuilder().setCode(8).addDetails(Any.newBuilder().setTypeUrl(type)
        .setValue(RPCRetryPolicy.newBuilder().setRetryAfterSecs(seconds).build().toByteString())).build().toByteArray();
  }

  @Test
  void theTablesOfTheProtocol() {
    assertThat(delays(RetryPolicy.CONTROL_PLANE)).containsExactly(100, 200, 400);
    assertThat(delays(RetryPolicy.ROUTER)).containsExactly(10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120);
    assertThat(delays(RetryPolicy.UPLOAD)).containsExactly(10, 20, 40, 80, 160, 320, 640, 1280, 2560);
    assertThat(delays(RetryPolicy.SNAPSHOT)).containsExactly(delays(RetryPolicy.ROUTER));
    assertThat(RetryPolicy.WAIT.delayMs(0)).isEqualTo(1000);
    assertThat(RetryPolicy.WAIT.delayMs(1_000_000)).isEqualTo(1000);
    for (RetryPolicy policy : List.of(RetryPolicy.CONTROL_PLANE, RetryPolicy.ROUTER, RetryPolicy.UPLOAD, RetryPolicy.WAIT)) {
      assertThat(policy.codes()).containsExactlyInAnyOrder(GrpcStatus.DEADLINE_EXCEEDED, GrpcStatus.UNAVAILABLE, GrpcStatus.CANCELLED,
          GrpcStatus.INTERNAL, GrpcStatus.UNKNOWN);
    }
    assertThat(RetryPolicy.SNAPSHOT.codes()).containsExactlyInAnyOrder(GrpcStatus.UNAVAILABLE, GrpcStatus.INTERNAL, GrpcStatus.UNKNOWN);
    assertThat(RetryPolicy.CONTROL_PLANE.allows(GrpcStatus.UNAVAILABLE, 2)).isTrue();
    assertThat(RetryPolicy.CONTROL_PLANE.allows(GrpcStatus.UNAVAILABLE, 3)).isFalse();
    assertThat(RetryPolicy.CONTROL_PLANE.allows(GrpcStatus.UNAUTHENTICATED, 0)).isFalse();
    assertThat(RetryPolicy.NONE.allows(GrpcStatus.UNAVAILABLE, 0)).isFalse();
  }

  private static int[] delays(RetryPolicy policy) {
    return IntStream.range(0, policy.retries()).map(i -> (int) policy.delayMs(i)).toArray();
  }

  @ParameterizedTest
  @CsvSource({"https://api.modal.com, api.modal.com, 443, true", "https://w.modal.host:8443/x, w.modal.host, 8443, true",
      "http://127.0.0.1:7, 127.0.0.1, 7, false", "http://localhost, localhost, 80, false", "http://[::1]:9, ::1, 9, false"})
  void anEndpointIsReadFromAUrl(URI url, String host, int port, boolean tls) {
    assertThat(Endpoint.of(url)).isEqualTo(new Endpoint(host, port, tls));
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://api.modal.com", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "ftp://127.0.0.1",
      "api.modal.com", "https://user:pass@api.modal.com", "https:///x", "https://evil_host"})
  void noTokenIsSentInTheClearOrToNoHost(URI url) {
    assertThatThrownBy(() -> ModalClientOptions.of(url, "id", "secret")).isInstanceOf(IllegalArgumentException.class)
        .message().doesNotContain("pass");
  }

  @Test
  void aRouterOnLoopbackIsReachedWithoutTlsOnlyIfTheControlPlaneIs() {
    Endpoint test = Endpoint.of(URI.create("http://127.0.0.1:1"));
    Endpoint real = Endpoint.of(URI.create("https://api.modal.com"));
    assertThat(test.router("https://127.0.0.1:2").tls()).isFalse();
    assertThat(test.router("https://worker.example:2").tls()).isTrue();
    assertThat(real.router("https://127.0.0.1:2").tls()).isTrue();
    assertThatThrownBy(() -> real.router("http://127.0.0.1:2")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> real.router("no url")).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void noSecretIsInWordsOrLogs() {
    ModalClientOptions options = ModalClientOptions.of(ModalClientOptions.SERVER, "ak-id1", "as-secret1");
    assertThat(options.toString()).doesNotContain("ak-id1", "as-secret1");
    Redaction redaction = new Redaction(options);
    assertThat(redaction.of("token ak-id1/as-secret1 with eyJhbGciOi.eyJleHAiOjF9.sig-_x is bad"))
        .isEqualTo("token ***/*** with *** is bad");
    assertThat(redaction.of("x".repeat(1000))).hasSizeLessThan(600);
    assertThat(redaction.of(null)).isEmpty();
    assertThat(new RouterAccess.Grant("https://w", "eyJ0").toString()).doesNotContain("eyJ0");
    assertThat(new ExecSpec("e", java.util.List.of("sh"), java.util.Map.of("KEY", "hidden"), null, null).toString())
        .contains("KEY").doesNotContain("hidden");
  }

  @Test
  void bytesCanBeUploadedAgainFromAnyOffset() {
    StdinSource source = StdinSource.of(Buffer.buffer("0123456789"));
    assertThat(source.read(0, 4).result()).hasToString("0123");
    assertThat(source.read(8, 4).result()).hasToString("89");
    assertThat(source.read(10, 4).result()).hasToString("");
    assertThat(source.read(11, 4).result()).hasToString("");
  }
}
