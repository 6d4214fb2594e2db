package dev.agentruntime.sandbox.modal;

import com.google.protobuf.Message;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.ContextInternal;
import io.vertx.grpc.client.GrpcClientRequest;
import io.vertx.grpc.client.GrpcClientResponse;
import io.vertx.grpc.common.GrpcError;
import io.vertx.grpc.common.GrpcMessage;
import io.vertx.grpc.common.GrpcStatus;
import io.vertx.grpc.common.MessageSizeOverflowException;
import io.vertx.grpc.common.WireFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;

/**
 * One attempt of a call. Messages are handed out one at a time: the next when the future for the last is done, and a peer that sends
 * faster is held back. All of it happens on one event loop. Fails with {@link ModalStatusException}, or as the consumer failed.
 */
final class Exchange<Q extends Message, A extends Message> {

  private final ContextInternal context;
  private final GrpcTransport transport;
  private final ModalRpc<Q, A> rpc;
  private final Function<A, Future<Void>> consumer;
  private final Promise<Void> done = Promise.promise();
  private GrpcClientRequest<Buffer, Buffer> request;
  private GrpcClientResponse<Buffer, Buffer> response;
  private Future<Void> consuming = Future.succeededFuture();
  private long deadline = -1;
  private boolean ended;

  /** @param consumer called on {@code context}; its futures may complete on any thread */
  Exchange(ContextInternal context, GrpcTransport transport, ModalRpc<Q, A> rpc, Function<A, Future<Void>> consumer) {
    this.context = context;
    this.transport = transport;
    this.rpc = rpc;
    this.consumer = consumer;
  }

  /**
   * @param timeoutMs from now to the end of the answer; 0 for none
   * @param question writes what is sent, to the end
   * @return succeeds when the answer is OK and consumed
   */
  Future<Void> start(Endpoint endpoint, MultiMap headers, long timeoutMs, Function<Exchange<Q, A>, Future<Void>> question) {
    if (timeoutMs > 0) {
      deadline = context.setTimer(timeoutMs, late -> fail(ModalStatusException.of(GrpcStatus.DEADLINE_EXCEEDED,
          "no answer within " + timeoutMs + " ms")));
    }
    transport.request(endpoint).onSuccess(opened -> send(opened, headers, question))
        .onFailure(failure -> fail(ModalStatusException.unsent(failure)));
    return done.future();
  }

  private void send(GrpcClientRequest<Buffer, Buffer> opened, MultiMap headers, Function<Exchange<Q, A>, Future<Void>> question) {
    request = opened;
    if (ended) {
      request.cancel();
      return;
    }
    request.serviceName(rpc.service()).methodName(rpc.name()).format(WireFormat.PROTOBUF);
    request.headers().addAll(headers);
    request.exceptionHandler(failure -> fail(ModalStatusException.broken(failure)));
    request.response().onSuccess(this::onResponse).onFailure(failure -> fail(ModalStatusException.broken(failure)));
    question.apply(this).onFailure(this::fail);
  }

  Future<Void> write(Q message) {
    return ended ? over() : request.write(bytes(message)).recover(Exchange::broken);
  }

  Future<Void> end(Q message) {
    return ended ? over() : request.end(bytes(message)).recover(Exchange::broken);
  }

  private static Buffer bytes(Message message) {
    return Buffer.buffer(message.toByteArray());
  }

  private static Future<Void> over() {
    return Future.failedFuture("the call has ended");
  }

  private static Future<Void> broken(Throwable failure) {
    return Future.failedFuture(ModalStatusException.broken(failure));
  }

  /** Ends the call; what has not been handed out yet never is. */
  void cancel() {
    fail(ModalStatusException.of(GrpcStatus.CANCELLED, "given up"));
  }

  /** Done when no message is being consumed. After a failure of the call one may still be. */
  Future<Void> consuming() {
    return consuming;
  }

  private void onResponse(GrpcClientResponse<Buffer, Buffer> answer) {
    response = answer;
    response.errorHandler(this::onReset);
    response.exceptionHandler(failure -> fail(ModalStatusException.broken(failure)));
    response.messageHandler(this::onMessage);
    response.endHandler(end -> onEnd());
  }

  private void onMessage(GrpcMessage message) {
    if (ended) {
      return;
    }
    try {
      consuming = consumer.apply(rpc.decode(transport.payload(message)));
    } catch (MessageSizeOverflowException | IOException garbled) {
      fail(ModalStatusException.broken(garbled));
      return;
    } catch (RuntimeException failure) {
      consuming = Future.failedFuture(failure);
    }
    if (consuming.succeeded()) {
      return;
    }
    response.pause();
    consuming.onComplete(consumed -> context.runOnContext(here -> {
      if (consumed.failed()) {
        fail(consumed.cause());
      } else if (!ended) {
        response.resume();
      }
    }));
  }

  private void onEnd() {
    GrpcStatus status = response.status();
    // A response of trailers only has them as its headers.
    MultiMap trailers = response.trailers().contains("grpc-status") ? response.trailers() : response.headers();
    transport.warnings().log(trailers);
    if (status == GrpcStatus.OK) {
      end(done::complete);
    } else {
      fail(ModalStatusException.answered(status == null ? GrpcStatus.UNKNOWN : status, decode(trailers.get("grpc-message")), trailers));
    }
  }

  /** @param error null for a code that gRPC has no word for */
  private void onReset(GrpcError error) {
    fail(ModalStatusException.of(error == null ? GrpcStatus.UNKNOWN : error.status, "the stream was reset"));
  }

  private void fail(Throwable failure) {
    end(() -> {
      done.fail(failure);
      if (request != null) {
        request.cancel();
      }
    });
  }

  private void end(Runnable last) {
    if (!ended) {
      ended = true;
      if (deadline >= 0) {
        context.owner().cancelTimer(deadline);
      }
      last.run();
    }
  }

  /** Percent-encoded UTF-8; what is no such encoding is left as it is. */
  static String decode(String message) {
    if (message == null) {
      return "";
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(message.length());
    for (int i = 0; i < message.length(); i++) {
      int high = i + 2 < message.length() ? Character.digit(message.charAt(i + 1), 16) : -1;
      int low = i + 2 < message.length() ? Character.digit(message.charAt(i + 2), 16) : -1;
      if (message.charAt(i) == '%' && high >= 0 && low >= 0) {
        bytes.write(high << 4 | low);
        i += 2;
      } else {
        bytes.writeBytes(String.valueOf(message.charAt(i)).getBytes(StandardCharsets.UTF_8));
      }
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
