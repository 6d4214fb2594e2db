package dev.agentruntime.protocol;

import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/** The one JSON mapper of the project. Thread-safe. */
public final class Json {

  /** Less than may be written, so that whatever came in can go out as a part of something larger. */
  private static final int MAX_READ_DEPTH = StreamWriteConstraints.DEFAULT_MAX_DEPTH - 100;

  /** In one text: a few bytes of JSON can cost fifty times as much memory, so that the size of a text alone bounds little. */
  private static final int MAX_READ_TOKENS = 1_000_000;

  /** Size is bounded where bytes come in, not per string; a tool's input of many megabytes is one string. */
  public static final ObjectMapper MAPPER = JsonMapper.builder(
          new JsonFactoryBuilder()
              .streamReadConstraints(StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE)
                  .maxNestingDepth(MAX_READ_DEPTH).maxTokenCount(MAX_READ_TOKENS).build())
              .build())
      .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
      .build();

  private static final ObjectReader TREES =
      MAPPER.readerFor(JsonNode.class).with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final ObjectWriter STREAMS = MAPPER.writer().without(JsonGenerator.Feature.AUTO_CLOSE_TARGET);

  private Json() {}

  public static byte[] bytes(Object value) {
    try {
      return MAPPER.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes what {@link #bytes} gives, without having all of it in memory. */
  public static void write(Object value, OutputStream out) throws IOException {
    STREAMS.writeValue(out, value);
  }

  public static String text(Object value) {
    try {
      return MAPPER.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** @throws IOException if {@code json} is not one JSON value */
  public static JsonNode tree(byte[] json) throws IOException {
    return TREES.readTree(json);
  }

  /** @throws JsonProcessingException if {@code json} is not one JSON value */
  public static JsonNode tree(String json) throws JsonProcessingException {
    return TREES.readTree(json);
  }

  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** A tree as a typed value. @throws IllegalArgumentException if it does not fit */
  public static <T> T to(JsonNode tree, Class<T> type) {
    return MAPPER.convertValue(tree, type);
  }

  /** A value as a tree. */
  public static <T extends JsonNode> T toTree(Object value) {
    return MAPPER.valueToTree(value);
  }
}
