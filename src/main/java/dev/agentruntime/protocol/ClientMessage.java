package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.databind.JsonNode;

/** A frame from a client on the WebSocket. {@code id} is any JSON, echoed in the answer, or {@code null}. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(ClientMessage.Auth.class),
    @JsonSubTypes.Type(ClientMessage.Join.class),
    @JsonSubTypes.Type(ClientMessage.Leave.class),
    @JsonSubTypes.Type(ClientMessage.Message.class),
    @JsonSubTypes.Type(ClientMessage.Interrupt.class),
    @JsonSubTypes.Type(ClientMessage.Watch.class),
    @JsonSubTypes.Type(ClientMessage.Unwatch.class),
    @JsonSubTypes.Type(ClientMessage.Ping.class)
})
public sealed interface ClientMessage {

  JsonNode id();

  @JsonTypeName("auth")
  record Auth(JsonNode id, String token) implements ClientMessage {
    @Override
    public String toString() {
      return "Auth[token=redacted]";
    }
  }

  /** @param since where the client stands, or {@code null} for a snapshot */
  @JsonTypeName("session:join")
  record Join(JsonNode id, String sessionId, Position since) implements ClientMessage {}

  @JsonTypeName("session:leave")
  record Leave(JsonNode id, String sessionId) implements ClientMessage {}

  @JsonTypeName("session:message")
  record Message(JsonNode id, String sessionId, MessageContent content, String messageId, WhenBusy whenBusy)
      implements ClientMessage {}

  @JsonTypeName("session:interrupt")
  record Interrupt(JsonNode id, String sessionId) implements ClientMessage {}

  @JsonTypeName("sessions:watch")
  record Watch(JsonNode id) implements ClientMessage {}

  @JsonTypeName("sessions:unwatch")
  record Unwatch(JsonNode id) implements ClientMessage {}

  @JsonTypeName("ping")
  record Ping(JsonNode id) implements ClientMessage {}
}
