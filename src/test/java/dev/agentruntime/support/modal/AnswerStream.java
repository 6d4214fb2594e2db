package dev.agentruntime.support.modal;

import com.google.protobuf.Message;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.grpc.common.GrpcStatus;
import io.vertx.grpc.server.GrpcServerResponse;

/** The answers to one question, which may be cut at any byte. On the event loop. */
final class AnswerStream<A extends Message> {

  private final GrpcServerResponse<?, A> response;
  private final HttpServerResponse raw;
  private final Fault fault;
  private long written;
  private boolean over;
  private Runnable drained = () -> { };
  private Runnable ended = () -> { };

  /** @param raw the same response one layer below @param fault may be {@code null} */
  AnswerStream(GrpcServerResponse<?, A> response, HttpServerResponse raw, Fault fault) {
    this.response = response;
    this.raw = raw;
    this.fault = fault;
    response.writeHead();
    if (fault instanceof Fault.CutAfter cut && cut.bytes() == 0) {
      reset();
    }
  }

  boolean isOver() {
    return over;
  }

  boolean isFull() {
    return response.writeQueueFull();
  }

  /** How many bytes of data the next message may have at most, so that a break comes where it was asked for. */
  int room(int wanted) {
    return fault instanceof Fault.Break broken ? (int) Math.min(wanted, broken.bytes() - written) : wanted;
  }

  void onDrain(Runnable handler) {
    drained = handler;
    response.drainHandler(v -> drained.run());
  }

  /** @param handler called when the stream is over, for whatever reason */
  void onEnd(Runnable handler) {
    ended = handler;
    if (over) {
      handler.run();
    }
  }

  /** @param dataBytes how many bytes of data are in the message */
  void write(A message, int dataBytes) {
    if (over) {
      return;
    }
    if (fault instanceof Fault.CutAfter cut) {
      Buffer frame = Buffer.buffer().appendByte((byte) 0).appendInt(message.getSerializedSize()).appendBytes(message.toByteArray());
      long room = cut.bytes() - written;
      written += frame.length();
      raw.write(frame.slice(0, (int) Math.min(room, frame.length())));
      if (written >= cut.bytes()) {
        reset();
      }
      return;
    }
    response.write(message);
    written += dataBytes;
    breakIfDue();
  }

  /** For a break after what was written already. */
  void breakIfDue() {
    if (!over && fault instanceof Fault.Break broken && written >= broken.bytes()) {
      refuse(new Refusal(broken.status(), "the stream broke"));
    }
  }

  void end() {
    if (!over && !(fault instanceof Fault.Linger)) {
      finish();
      response.status(GrpcStatus.OK).end();
    }
  }

  void refuse(Refusal refusal) {
    if (!over) {
      finish();
      GrpcEndpoint.refuse(response, refusal);
    }
  }

  private void reset() {
    finish();
    raw.reset();
  }

  /** The client has gone. */
  void abandon() {
    if (!over) {
      finish();
    }
  }

  private void finish() {
    over = true;
    ended.run();
  }
}
