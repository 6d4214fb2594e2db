package dev.agentruntime.sandbox.modal;

import com.google.protobuf.Message;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.VertxInternal;
import io.vertx.grpc.common.GrpcStatus;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/** Calls that share one event loop, and one end. All but {@link #run} and {@link #close} is called on that loop. */
final class CallScope {

  private final ContextInternal context;
  private final GrpcTransport transport;
  private final Set<Exchange<?, ?>> open = new HashSet<>();
  private volatile boolean closed;

  CallScope(Vertx vertx, GrpcTransport transport) {
    this.context = ((VertxInternal) vertx).createEventLoopContext();
    this.transport = transport;
  }

  /** From any thread. */
  <T> Future<T> run(Supplier<Future<T>> work) {
    Promise<T> result = Promise.promise();
    context.emit(null, here -> Future.succeededFuture().compose(now -> work.get()).onComplete(result));
    return result.future();
  }

  boolean isClosed() {
    return closed;
  }

  Future<Void> delay(long ms) {
    Promise<Void> promise = Promise.promise();
    context.setTimer(Math.max(1, ms), over -> promise.complete());
    return promise.future();
  }

  /** The same, for who goes on on this loop. */
  <T> Future<T> here(Future<T> elsewhere) {
    Promise<T> promise = context.promise();
    elsewhere.onComplete(promise);
    return promise.future();
  }

  /** One attempt of a call that answers with one message. */
  <Q extends Message, A extends Message> Future<A> unary(Endpoint endpoint, ModalRpc<Q, A> rpc, MultiMap headers, Q question, long timeoutMs) {
    List<A> answers = new ArrayList<>(1);
    Exchange<Q, A> exchange = exchange(rpc, answer -> {
      answers.add(answer);
      return answers.size() == 1 ? Future.succeededFuture() : Future.failedFuture(notOne("more than one message"));
    });
    return start(exchange, endpoint, headers, timeoutMs, call -> call.end(question))
        .compose(ended -> answers.isEmpty() ? Future.failedFuture(notOne("no message")) : Future.succeededFuture(answers.getFirst()));
  }

  private static ModalStatusException notOne(String what) {
    return ModalStatusException.of(GrpcStatus.INTERNAL, what + " for an answer");
  }

  <Q extends Message, A extends Message> Exchange<Q, A> exchange(ModalRpc<Q, A> rpc, Function<A, Future<Void>> consumer) {
    return new Exchange<>(context, transport, rpc, consumer);
  }

  <Q extends Message, A extends Message> Future<Void> start(Exchange<Q, A> exchange, Endpoint endpoint, MultiMap headers, long timeoutMs,
      Function<Exchange<Q, A>, Future<Void>> question) {
    if (closed) {
      return Future.failedFuture(ModalStatusException.of(GrpcStatus.CANCELLED, "closed"));
    }
    open.add(exchange);
    return exchange.start(endpoint, headers, timeoutMs, question).onComplete(ended -> open.remove(exchange));
  }

  /** Cancels what is open. Nothing is started any more. From any thread. */
  void close() {
    closed = true;
    context.emit(null, here -> Set.copyOf(open).forEach(Exchange::cancel));
  }
}
