package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ClientMessage;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.session.SessionManager;
import io.vertx.core.Future;

/** What each message of a client does. Nothing is thrown; a refusal is a failed future or an error frame. */
final class SocketRequests {

  private final SessionManager manager;
  private final ClientSocket socket;

  SocketRequests(SessionManager manager, ClientSocket socket) {
    this.manager = manager;
    this.socket = socket;
  }

  /** @return complete when the answer was given to the socket, which is done on its event loop */
  Future<Void> handle(ClientMessage message) {
    return switch (message) {
      case ClientMessage.Auth auth -> done(() -> socket.authenticate(auth.token(), auth.id()));
      case ClientMessage.Join join -> join(join);
      case ClientMessage.Leave leave -> leave(leave);
      case ClientMessage.Message say -> message(say);
      case ClientMessage.Interrupt interrupt -> interrupt(interrupt);
      case ClientMessage.Watch watch -> done(() -> watching(true, watch.id()));
      case ClientMessage.Unwatch unwatch -> done(() -> watching(false, unwatch.id()));
      case ClientMessage.Ping ping -> done(() -> socket.send(SocketFrames.answer("pong", ping.id(), null)));
    };
  }

  private Future<Void> join(ClientMessage.Join request) {
    String sessionId = SessionIds.check(request.sessionId());
    return manager.join(sessionId, request.since()).transform(answer -> socket.onLoop(() -> {
      if (answer.succeeded()) {
        socket.join(sessionId).start(answer.result(), request.id());
      } else {
        refuse(answer.cause(), request.id(), sessionId);
      }
    }));
  }

  private Future<Void> leave(ClientMessage.Leave request) {
    String sessionId = SessionIds.check(request.sessionId());
    return done(() -> {
      socket.leave(sessionId);
      socket.send(SocketFrames.left(sessionId, request.id(), null));
    });
  }

  private Future<Void> message(ClientMessage.Message request) {
    String sessionId = SessionIds.check(request.sessionId());
    SendMessage message = new SendMessage(request.content(), request.messageId(), request.whenBusy());
    return accepted(manager.message(sessionId, message).map(Json::<ObjectNode>toTree), request.id(), sessionId);
  }

  private Future<Void> interrupt(ClientMessage.Interrupt request) {
    String sessionId = SessionIds.check(request.sessionId());
    return accepted(manager.interrupt(sessionId).map(nothing -> Json.object()), request.id(), sessionId);
  }

  private Future<Void> accepted(Future<ObjectNode> future, JsonNode id, String sessionId) {
    return future.transform(answer -> socket.onLoop(() -> {
      if (answer.succeeded()) {
        socket.send(SocketFrames.answer("session:accepted", id, answer.result().put("sessionId", sessionId)));
      } else {
        refuse(answer.cause(), id, sessionId);
      }
    }));
  }

  private void watching(boolean on, JsonNode id) {
    socket.watch(on);
    socket.send(SocketFrames.answer("sessions:watching", id, Json.object().put("watching", on)));
  }

  private void refuse(Throwable cause, JsonNode id, String sessionId) {
    ApiException error = ErrorResponses.toApiException(cause, "a WebSocket request about " + sessionId);
    socket.send(SocketFrames.error(error, id, sessionId));
  }

  private static Future<Void> done(Runnable work) {
    work.run();
    return Future.succeededFuture();
  }
}
