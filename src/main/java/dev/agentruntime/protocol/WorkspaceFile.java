package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * A file of the workspace, as clients see it.
 *
 * @param path relative to the workspace, with {@code /} between its parts
 * @param size bytes
 * @param modifiedAt epoch milliseconds
 * @param content the whole content in {@code encoding}, or {@code null} when it is too large to be sent along
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record WorkspaceFile(String path, long size, long modifiedAt, Encoding encoding, String content) {

  public enum Encoding {
    @JsonProperty("utf8") UTF8,
    @JsonProperty("base64") BASE64
  }
}
