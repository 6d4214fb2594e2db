package dev.agentruntime.persistence;

import java.util.List;

/** @param next what to pass as {@code after} for the following page, or {@code null} after the last */
public record SessionPage(List<SessionRecord> sessions, String next) {
  public SessionPage {
    sessions = List.copyOf(sessions);
  }
}
