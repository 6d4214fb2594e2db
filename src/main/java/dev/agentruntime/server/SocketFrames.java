package dev.agentruntime.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.session.Joined;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;

/** The frames that are not events of a session's stream: answers, refusals and the start and end of a feed. */
final class SocketFrames {

  private SocketFrames() {}

  /** @param id echoed if it is not {@code null}; @param data left out if {@code null} */
  static ByteBuf answer(String event, JsonNode id, JsonNode data) {
    ObjectNode frame = Json.object().put("event", event);
    if (id != null) {
      frame.set("id", id);
    }
    if (data != null) {
      frame.set("data", data);
    }
    return Unpooled.wrappedBuffer(Json.bytes(frame));
  }

  /** @param sessionId {@code null} if the refusal is not about a session */
  static ByteBuf error(ApiException error, JsonNode id, String sessionId) {
    ObjectNode data = Json.object();
    if (sessionId != null) {
      data.put("sessionId", sessionId);
    }
    data.put("code", error.code().name()).put("message", error.getMessage());
    ErrorResponses.addDetails(error, data);
    return answer("error", id, data);
  }

  /** What stands before and after the snapshot in a {@code session:joined}, which has none when the client was {@code recovered}. */
  record Around(String head, String tail) {}

  static Around joined(Joined joined, JsonNode id) {
    StringBuilder head = new StringBuilder("{\"event\":\"session:joined\"");
    if (id != null) {
      head.append(",\"id\":").append(Json.text(id));
    }
    head.append(",\"data\":{\"sessionId\":").append(Json.text(joined.log().sessionId()))
        .append(",\"epoch\":").append(Json.text(joined.log().epoch()))
        .append(",\"seq\":").append(joined.seq())
        .append(",\"recovered\":").append(joined.recovered());
    if (!joined.recovered()) {
      head.append(",\"snapshot\":");
    }
    return new Around(head.toString(), "}}");
  }

  /** @param reason {@code null} if the client asked */
  static ByteBuf left(String sessionId, JsonNode id, String reason) {
    ObjectNode data = Json.object().put("sessionId", sessionId);
    if (reason != null) {
      data.put("reason", reason);
    }
    return answer("session:left", id, data);
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static ByteBuf utf8(String text) {
    return Unpooled.wrappedBuffer(bytes(text));
  }
}
