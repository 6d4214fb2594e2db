package dev.agentruntime.persistence.convex;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The values that JSON does not have, as Convex's own client spells them ({@code convexToJson} of the npm package {@code convex}): {@code
 * {"$integer": <Base64 of eight bytes, least first>}} and {@code {"$bytes": <Base64>}}.
 */
final class ConvexValues {

  private static final String INTEGER = "$integer";
  private static final String BYTES = "$bytes";

  private ConvexValues() {}

  static ObjectNode integer(long value) {
    return Json.object().put(INTEGER, ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }

  static ObjectNode bytes(byte[] value) {
    return Json.object().put(BYTES, value);
  }

  static long integer(JsonNode json) {
    byte[] bytes = decoded(json, INTEGER);
    if (bytes.length != Long.BYTES) {
      throw unexpected();
    }
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  static byte[] bytes(JsonNode json) {
    return decoded(json, BYTES);
  }

  private static byte[] decoded(JsonNode json, String name) {
    try {
      byte[] bytes = json.path(name).binaryValue();
      if (bytes != null) {
        return bytes;
      }
    } catch (IOException e) {
      // said below, without the data
    }
    throw unexpected();
  }

  static PersistenceException unexpected() {
    return new PersistenceException(Kind.UNAVAILABLE, "the store's answer is not what this version of Agent Runtime expects");
  }
}
