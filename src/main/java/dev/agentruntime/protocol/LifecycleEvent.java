package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonTypeName;

/**
 * What happens to the collection of sessions, for {@code sessions:watch} and the bus address {@code agent-runtime.lifecycle}. Has no
 * {@code seq}. The components beside {@code sessionId} are its other data.
 */
public sealed interface LifecycleEvent {

  String sessionId();

  @JsonTypeName("session:created")
  record Created(String sessionId, SessionListItem session) implements LifecycleEvent {}

  @JsonTypeName("session:loaded")
  record Loaded(String sessionId) implements LifecycleEvent {}

  @JsonTypeName("session:unloaded")
  record Unloaded(String sessionId) implements LifecycleEvent {}

  @JsonTypeName("session:deleted")
  record Deleted(String sessionId) implements LifecycleEvent {}

  /** Told to watchers only; joined clients have it in their stream. */
  @JsonTypeName("session:status")
  record Status(String sessionId, RuntimeState runtime) implements LifecycleEvent {}

  /** The envelope {@code {"event","data"}} as UTF-8 JSON. */
  static byte[] encode(LifecycleEvent event) {
    var envelope = Json.object();
    envelope.put("event", event.getClass().getAnnotation(JsonTypeName.class).value());
    envelope.set("data", Json.toTree(event));
    return Json.bytes(envelope);
  }
}
