package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.grpc.common.GrpcStatus;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When tokens are fetched. Time is the test's own. */
class ModalAuthTest {

  private static final long MINUTE = 60_000;

  private final TestClock clock = new TestClock();
  private final List<RetryPolicy> fetches = new ArrayList<>();
  private final Deque<Promise<String>> pending = new ArrayDeque<>();
  private double random = 0;
  private final ModalAuth auth = new ModalAuth(retries -> {
    fetches.add(retries);
    Promise<String> promise = Promise.promise();
    pending.add(promise);
    return promise.future();
  }, clock, () -> random);

  private static final class TestClock extends Clock {
    private long now = 1_700_000_000_000L;

    @Override
    public long millis() {
      return now;
    }

    @Override
    public Instant instant() {
      return Instant.ofEpochMilli(now);
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  @Test
  void allWhoNeedTheFirstTokenShareOneFetchThatIsRetried() {
    Future<String> one = auth.token();
    Future<String> other = auth.token();
    assertThat(fetches).containsExactly(RetryPolicy.CONTROL_PLANE);
    String token = answer(10 * MINUTE);
    assertThat(List.of(one.result(), other.result(), auth.token().result())).containsOnly(token);
    assertThat(fetches).hasSize(1);
  }

  @Test
  void aFailedFirstFetchFailsWhoWaitedAndIsMadeAgainByTheNext() {
    Future<String> one = auth.token();
    Future<String> other = auth.token();
    refuse(GrpcStatus.UNAVAILABLE);
    assertThat(one.failed() && other.failed()).isTrue();
    assertThat(fetches).hasSize(1);
    auth.token();
    assertThat(fetches).containsExactly(RetryPolicy.CONTROL_PLANE, RetryPolicy.CONTROL_PLANE);
  }

  @ParameterizedTest
  @CsvSource({"0, 300000", "0.5, 330000", "1, 360000"})
  void pastHalfOfItsLifeATokenIsRenewedByOneCallWhileAllGoOnWithTheOld(double chance, long renewedAfterMs) {
    random = chance;
    String old = have(10 * MINUTE);
    clock.now += renewedAfterMs - 1;
    assertThat(auth.token().result()).isEqualTo(old);
    assertThat(fetches).hasSize(1);
    clock.now += 1;
    assertThat(auth.token().result()).isEqualTo(old);
    assertThat(auth.token().result()).isEqualTo(old);
    assertThat(fetches).containsExactly(RetryPolicy.CONTROL_PLANE, RetryPolicy.NONE);
    String renewed = answer(10 * MINUTE);
    assertThat(auth.token().result()).isEqualTo(renewed).isNotEqualTo(old);
  }

  @Test
  void aFailedRenewalKeepsTheTokenAndIsTriedAgainEverLater() {
    String old = have(60 * MINUTE);
    clock.now += 30 * MINUTE;
    long waitedMs = 500;
    for (int i = 1; i < 12; i++) {
      assertThat(auth.token().result()).isEqualTo(old);
      assertThat(fetches).hasSize(i + 1);
      refuse(GrpcStatus.UNAVAILABLE);
      clock.now += waitedMs - 1;
      assertThat(auth.token().result()).isEqualTo(old);
      assertThat(fetches).as("not before " + waitedMs + " ms").hasSize(i + 1);
      clock.now += 1;
      waitedMs = Math.min(60_000, waitedMs * 2);
    }
    auth.token();
    String renewed = answer(60 * MINUTE);
    assertThat(auth.token().result()).isEqualTo(renewed);
    clock.now += 30 * MINUTE;
    auth.token();
    refuse(GrpcStatus.UNAVAILABLE);
    clock.now += 500;
    int before = fetches.size();
    auth.token();
    assertThat(fetches).as("after a success it is soon again").hasSize(before + 1);
  }

  @Test
  void whoFindsTheTokenExpiredWhileItIsRenewedGetsAFetchOfItsOwnIfThatFails() {
    have(10 * MINUTE);
    clock.now += 9 * MINUTE;
    auth.token();
    clock.now += 2 * MINUTE;
    Future<String> late = auth.token();
    Future<String> later = auth.token();
    refuse(GrpcStatus.UNAVAILABLE);
    assertThat(fetches).containsExactly(RetryPolicy.CONTROL_PLANE, RetryPolicy.NONE, RetryPolicy.CONTROL_PLANE);
    String token = answer(10 * MINUTE);
    assertThat(List.of(late.result(), later.result())).containsOnly(token);
  }

  @ParameterizedTest
  @CsvSource({"UNAUTHENTICATED", "PERMISSION_DENIED"})
  void aTokenThatIsNotRenewedBecauseItsOwnerIsRefusedIsNotUsedOn(GrpcStatus status) {
    have(10 * MINUTE);
    clock.now += 6 * MINUTE;
    auth.token();
    refuse(status);
    Future<String> next = auth.token();
    assertThat(next.isComplete()).isFalse();
    refuse(status);
    assertThat(ModalStatusException.statusOf(next.cause())).contains(status);
  }

  @Test
  void aTokenThatTheServiceRefusedIsNotUsedAgainAndANewerOneIsKept() {
    String old = have(10 * MINUTE);
    auth.refused(old);
    auth.token();
    String token = answer(20 * MINUTE);
    auth.refused(old);
    assertThat(auth.token().result()).isEqualTo(token);
  }

  @Test
  void aTokenThatDoesNotSayHowLongItLivesLivesTwentyMinutes() {
    auth.token();
    pending.remove().complete("opaque");
    clock.now += 10 * MINUTE - 1;
    auth.token();
    assertThat(fetches).hasSize(1);
    clock.now += 10 * MINUTE;
    assertThat(auth.token().result()).isEqualTo("opaque");
    assertThat(fetches).hasSize(2);
    clock.now += 1;
    assertThat(auth.token().isComplete()).as("its life is over").isFalse();
  }

  @Test
  void aTokenThatHasExpiredByThisClockIsUsedByWhoFetchedIt() {
    Future<String> token = auth.token();
    String stale = answer(-MINUTE);
    assertThat(token.result()).isEqualTo(stale);
  }

  @ParameterizedTest
  @CsvSource({"{\"exp\":1700000000}, 1700000000000", "{\"exp\":1700000000.5}, 1700000000500", "{\"exp\":\"soon\"}, ", "[1], ", "{}, "})
  void theEndOfAJwtIsReadAsBase64url(String payload, Long expected) {
    String token = "h." + Base64.getUrlEncoder().encodeToString(payload.getBytes(StandardCharsets.UTF_8)) + ".s";
    assertThat(JsonWebToken.expiresAtMs(token).stream().boxed().findFirst().orElse(null)).isEqualTo(expected);
  }

  @Test
  void aJwtWithCharactersThatBase64DoesNotHaveIsRead() {
    String payload = "{\"u\":\"~~~???ÿÿ\",\"exp\":1700000000}";
    String token = "h." + Base64.getUrlEncoder().withoutPadding().encodeToString(payload.getBytes(StandardCharsets.ISO_8859_1)) + ".s";
    assertThat(token).containsPattern("[-_]");
    assertThat(JsonWebToken.expiresAtMs(token).getAsLong()).isCloseTo(1_700_000_000_000L, within(0L));
  }

  private String have(long lifeMs) {
    auth.token();
    return answer(lifeMs);
  }

  /** Each token is another. */
  private String answer(long lifeMs) {
    String payload = "{\"exp\":" + (clock.now + lifeMs) / 1000.0 + ",\"n\":" + fetches.size() + "}";
    String token = "h." + Base64.getUrlEncoder().withoutPadding().encodeToString(payload.getBytes(StandardCharsets.UTF_8)) + ".s";
    pending.remove().complete(token);
    return token;
  }

  private void refuse(GrpcStatus status) {
    pending.remove().fail(ModalStatusException.of(status, "refused"));
  }
}
