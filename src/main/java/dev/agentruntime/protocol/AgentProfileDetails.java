package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * One agent profile, for a client that may want to change it.
 *
 * @param version of a profile of the store; {@code null} for one from a file
 * @param profile the document, with what may be secret hidden; {@code null} for one from a file, which is its operator's own
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AgentProfileDetails(String id, String name, String description, Source source, String version, ObjectNode profile) {

  public enum Source {
    @JsonProperty("file") FILE,
    @JsonProperty("store") STORE
  }
}
