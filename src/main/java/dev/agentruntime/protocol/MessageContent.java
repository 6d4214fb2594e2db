package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.Objects;

/**
 * What a message says: a string, or a list of {@code {"type":"text","text":…}} and
 * {@code {"type":"image","source":{"type":"base64","media_type":…,"data":…}}} parts, kept exactly as the client sent it.
 *
 * @param json a {@link TextNode} or an {@link ArrayNode}
 */
public record MessageContent(@JsonValue JsonNode json) {

  public MessageContent {
    Objects.requireNonNull(json, "json");
    if (!json.isTextual() && !json.isArray()) {
      throw new IllegalArgumentException("content is a string or a list of parts");
    }
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static MessageContent of(JsonNode json) {
    return new MessageContent(json);
  }

  public static MessageContent of(String text) {
    return new MessageContent(TextNode.valueOf(text));
  }

  /** The text of all text parts, joined by newlines. */
  public String plainText() {
    if (json.isTextual()) {
      return json.textValue();
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode part : json) {
      if (part.path("type").asText().equals("text")) {
        text.append(text.isEmpty() ? "" : "\n").append(part.path("text").asText());
      }
    }
    return text.toString();
  }
}
