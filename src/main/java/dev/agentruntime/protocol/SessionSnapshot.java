package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.List;

/**
 * The whole session at one sequence number. Folding the later events over it gives every later state.
 *
 * @param epoch random, made when the session was loaded; sequence numbers of different epochs have nothing to do with each other
 * @param seq the number of the last event that is in the snapshot; 0 before the first
 * @param usage totals of the main conversation, {@code null} before the first turn's end
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SessionSnapshot(@JsonUnwrapped SessionListItem session, String epoch, long seq, List<Block> blocks,
                              List<Subagent> subagents, List<WorkspaceFile> workspaceFiles, UsageMetadata usage) {

  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Subagent(String id, String name, SubagentStatus status, List<Block> blocks) {}
}
