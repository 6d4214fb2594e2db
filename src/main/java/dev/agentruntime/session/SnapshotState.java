package dev.agentruntime.session;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionListItem;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.UsageMetadata;
import dev.agentruntime.protocol.WorkspaceFile;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * What the JSON of a {@link dev.agentruntime.protocol.SessionSnapshot} is made of. All that is large in it is the session's own, or shared with
 * other states, so that one that is kept costs little, and gives the same JSON whenever it is encoded. Immutable.
 *
 * @param blocks {@link Block}s, and {@link Open} ones
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record SnapshotState(@JsonUnwrapped SessionListItem session, String epoch, long seq,
                     @JsonSerialize(contentUsing = BlockSerializer.class) List<Object> blocks, List<Subagent> subagents,
                     List<WorkspaceFile> workspaceFiles, UsageMetadata usage) {

  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Subagent(String id, String name, SubagentStatus status,
                  @JsonSerialize(contentUsing = BlockSerializer.class) List<Object> blocks) {}

  /** A block that still streams. @param block without its text */
  record Open(Block block, GrowingText.Past text) {}

  /** A state with its JSON as UTF-8, which is never written to. */
  record Encoded(SnapshotState state, byte[] json) {

    static Encoded of(SnapshotState state) {
      return new Encoded(state, Json.bytes(state));
    }
  }

  static final class BlockSerializer extends JsonSerializer<Object> {

    @Override
    public void serialize(Object value, JsonGenerator out, SerializerProvider serializers) throws IOException {
      if (!(value instanceof Open open)) {
        serializers.findTypedValueSerializer(value.getClass(), true, null).serialize(value, out, serializers);
        return;
      }
      ObjectNode fields = Json.toTree(open.block());
      out.writeStartObject();
      for (Map.Entry<String, JsonNode> field : fields.properties()) {
        out.writeFieldName(field.getKey());
        if (field.getKey().equals("content")) {
          out.writeString(open.text().reader(), -1);
        } else {
          serializers.defaultSerializeValue(field.getValue(), out);
        }
      }
      out.writeEndObject();
    }
  }
}
