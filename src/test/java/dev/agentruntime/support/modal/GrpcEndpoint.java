package dev.agentruntime.support.modal;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.sandbox.modal.proto.RPCRetryPolicy;
import dev.agentruntime.sandbox.modal.proto.RPCStatus;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.grpc.common.GrpcMessageDecoder;
import io.vertx.grpc.common.GrpcMessageEncoder;
import io.vertx.grpc.common.GrpcStatus;
import io.vertx.grpc.common.ServiceMethod;
import io.vertx.grpc.server.GrpcServer;
import io.vertx.grpc.server.GrpcServerOptions;
import io.vertx.grpc.server.GrpcServerRequest;
import io.vertx.grpc.server.GrpcServerResponse;
import java.time.Duration;
import java.util.Base64;
import java.util.HashSet;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** A service on a port of its own: counts calls, asks for what every call must bring, and does the faults. */
final class GrpcEndpoint {

  private static final int MOST_MESSAGE_BYTES = 100 << 20;
  private static final int WINDOW_BYTES = 64 << 20;

  /** What every call of this service must bring. */
  interface Gate {
    /** @throws Refusal if it may not pass */
    void check(ModalRpc<?, ?> rpc, MultiMap headers, Message question);
  }

  /** One answer to one question. */
  interface Unary<Q, A> {
    Future<A> answer(Q question, MultiMap headers);
  }

  private final Vertx vertx;
  private final CallLog log;
  private final Gate gate;
  private final GrpcServer grpc;
  private final HttpServer http;
  private final Set<HttpConnection> connections = new HashSet<>();
  private HttpServerRequest current;

  GrpcEndpoint(Vertx vertx, CallLog log, Gate gate) {
    this.vertx = vertx;
    this.log = log;
    this.gate = gate;
    this.grpc = GrpcServer.server(vertx, new GrpcServerOptions().setMaxMessageSize(MOST_MESSAGE_BYTES));
    this.http = vertx.createHttpServer(new HttpServerOptions().setHost("127.0.0.1").setPort(0).setHttp2ConnectionWindowSize(WINDOW_BYTES)
        .setInitialSettings(new Http2Settings().setInitialWindowSize(WINDOW_BYTES).setMaxConcurrentStreams(10_000)));
    http.connectionHandler(connection -> {
      connections.add(connection);
      connection.closeHandler(closed -> connections.remove(connection));
    });
    http.requestHandler(request -> {
      current = request;
      grpc.handle(request);
      current = null;
    });
  }

  Future<Integer> listen() {
    return http.listen().map(HttpServer::actualPort);
  }

  int port() {
    return http.actualPort();
  }

  int connections() {
    return connections.size();
  }

  /** As when a network or a machine fails: no goodbye. */
  void killConnections() {
    Set.copyOf(connections).forEach(HttpConnection::close);
  }

  private static <Q extends Message, A extends Message> ServiceMethod<Q, A> method(ModalRpc<Q, A> rpc) {
    return ServiceMethod.server(rpc.service(), rpc.name(), GrpcMessageEncoder.encoder(), GrpcMessageDecoder.decoder(rpc.question()));
  }

  <Q extends Message, A extends Message> void unary(ModalRpc<Q, A> rpc, Unary<Q, A> work) {
    grpc.callHandler(method(rpc), request -> request.handler(question -> admit(rpc, request, question, fault -> {
      Future<A> answer;
      try {
        answer = work.answer(question, request.headers());
      } catch (RuntimeException e) {
        answer = Future.failedFuture(e);
      }
      answer.onComplete(done -> {
        if (!connections.contains(request.connection())) {
          // Its client was killed. The library does not bear to be asked to answer then.
          return;
        }
        if (done.failed()) {
          refuse(request.response(), done.cause());
          return;
        }
        A message = done.result();
        if (fault instanceof Fault.LoseAnswer) {
          refuse(request.response(), new Refusal(GrpcStatus.UNAVAILABLE, "the answer was lost"));
        } else {
          send(() -> request.response().end(message));
        }
      });
    })));
  }

  <Q extends Message, A extends Message> void stream(ModalRpc<Q, A> rpc, BiConsumer<Q, AnswerStream<A>> work) {
    grpc.callHandler(method(rpc), request -> {
      HttpServerRequest raw = current;
      request.handler(question -> admit(rpc, request, question, fault -> {
        AnswerStream<A> answers = new AnswerStream<>(request.response(), raw.response(), fault);
        request.errorHandler(error -> answers.abandon());
        request.exceptionHandler(e -> answers.abandon());
        request.response().exceptionHandler(e -> answers.abandon());
        try {
          work.accept(question, answers);
        } catch (Refusal e) {
          answers.refuse(e);
        }
      }));
    });
  }

  <Q extends Message, A extends Message> void upload(ModalRpc<Q, A> rpc, BiConsumer<GrpcServerRequest<Q, A>, Fault> work) {
    grpc.callHandler(method(rpc), request -> admit(rpc, request, null, fault -> work.accept(request, fault)));
  }

  private void admit(ModalRpc<?, ?> rpc, GrpcServerRequest<?, ?> request, Message question, Consumer<Fault> work) {
    log.came(rpc, request.headers(), question);
    Fault fault = log.nextFault(rpc);
    switch (fault) {
      case Fault.Refuse refusal -> refuse(request.response(), refusal);
      case Fault.Hang hang -> { }
      case Fault.Delay delay -> vertx.setTimer(Math.max(1, delay.time().toMillis()), timer -> pass(rpc, request, question, null, work));
      case null, default -> pass(rpc, request, question, fault, work);
    }
  }

  private void pass(ModalRpc<?, ?> rpc, GrpcServerRequest<?, ?> request, Message question, Fault fault,
      Consumer<Fault> work) {
    try {
      gate.check(rpc, request.headers(), question);
    } catch (Refusal e) {
      refuse(request.response(), e);
      return;
    }
    work.accept(fault);
  }

  private static void refuse(GrpcServerResponse<?, ?> response, Fault.Refuse refusal) {
    if (refusal.retryAfter() != null) {
      response.trailers().set("grpc-status-details-bin", details(refusal.status(), refusal.message(), refusal.retryAfter()));
    }
    send(() -> response.status(refusal.status()).statusMessage(refusal.message()).end());
  }

  /** To a client that may have given up. */
  private static void send(Runnable last) {
    try {
      last.run();
    } catch (IllegalStateException givenUp) {
      // The library says it of a stream that the client has reset.
    }
  }

  private static String details(GrpcStatus status, String message, Duration retryAfter) {
    RPCRetryPolicy policy = RPCRetryPolicy.newBuilder().setRetryAfterSecs(retryAfter.toMillis() / 1000f).build();
    RPCStatus details = RPCStatus.newBuilder().setCode(status.code).setMessage(message).addDetails(Any.pack(policy)).build();
    return Base64.getEncoder().withoutPadding().encodeToString(details.toByteArray());
  }

  static void refuse(GrpcServerResponse<?, ?> response, Throwable e) {
    GrpcStatus status = e instanceof Refusal refusal ? refusal.status : GrpcStatus.INTERNAL;
    send(() -> response.status(status).statusMessage(String.valueOf(e.getMessage())).end());
  }
}
