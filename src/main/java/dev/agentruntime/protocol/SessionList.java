package dev.agentruntime.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** The answer of {@code GET /sessions}. @param next what to pass as {@code after} for the following page, or {@code null} */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SessionList(List<SessionListItem> sessions, String next) {}
