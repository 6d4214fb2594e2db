package dev.agentruntime.session;

import dev.agentruntime.protocol.Frame;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.MessageCodec;
import io.vertx.core.json.JsonObject;

/**
 * Puts frames on the event bus of one JVM as they are; a consumer that looks at the body gets a {@link JsonObject} of its own. So a frame
 * that nobody on the bus follows costs nearly nothing. A clustered bus is given JSON at once, as its other members have no such codec.
 */
final class FrameCodec implements MessageCodec<Frame, JsonObject> {

  static final String NAME = "agent-runtime.frame";

  /** Does nothing if it is registered: several runtimes may share a {@code Vertx}. */
  static void register(EventBus bus) {
    try {
      bus.registerCodec(new FrameCodec());
    } catch (IllegalStateException e) {
      // registered by another runtime of the same Vertx
    }
  }

  @Override
  public void encodeToWire(Buffer buffer, Frame frame) {
    buffer.appendInt(frame.json().length).appendBytes(frame.json());
  }

  @Override
  public JsonObject decodeFromWire(int pos, Buffer buffer) {
    int length = buffer.getInt(pos);
    return new JsonObject(buffer.getBuffer(pos + 4, pos + 4 + length));
  }

  @Override
  public JsonObject transform(Frame frame) {
    return new JsonObject(Buffer.buffer(frame.json()));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public byte systemCodecID() {
    return -1;
  }
}
