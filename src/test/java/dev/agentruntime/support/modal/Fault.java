package dev.agentruntime.support.modal;

import io.vertx.grpc.common.GrpcStatus;
import java.time.Duration;

/** What a call meets in place of an answer. */
public sealed interface Fault {

  /** @param retryAfter what the server asks to wait, as it throttles, or {@code null} */
  record Refuse(GrpcStatus status, String message, Duration retryAfter) implements Fault {}

  record LoseAnswer() implements Fault {}

  record CutAfter(long bytes) implements Fault {}

  record Break(long bytes, GrpcStatus status) implements Fault {}

  record Linger() implements Fault {}

  record Hang() implements Fault {}

  record Delay(Duration time) implements Fault {}

  /** Nothing is done. */
  static Fault refuse(GrpcStatus status) {
    return refuse(status, "the fake was told to refuse");
  }

  static Fault refuse(GrpcStatus status, String message) {
    return new Refuse(status, message, null);
  }

  /** Nothing is done, and the client is told when to come again. */
  static Fault throttle(Duration retryAfter) {
    return new Refuse(GrpcStatus.RESOURCE_EXHAUSTED, "too many calls", retryAfter);
  }

  /** The work is done, and the client sees {@code UNAVAILABLE}. */
  static Fault loseAnswer() {
    return new LoseAnswer();
  }

  /** A stream of answers is reset after so many bytes of its body, each message counted with the five bytes before it. */
  static Fault cutAfter(long bytes) {
    return new CutAfter(bytes);
  }

  /** A stream of answers ends with a status after at most so many bytes of its messages' data. */
  static Fault breakAfter(long bytes, GrpcStatus status) {
    return new Break(bytes, status);
  }

  /** A stream of answers says all and is not ended. */
  static Fault linger() {
    return new Linger();
  }

  /** Nothing is done and no answer comes. */
  static Fault hang() {
    return new Hang();
  }

  /** As ever, but later. */
  static Fault delay(Duration time) {
    return new Delay(time);
  }
}
