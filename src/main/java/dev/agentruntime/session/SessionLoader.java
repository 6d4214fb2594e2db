package dev.agentruntime.session;

import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.TranscriptFormat;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.WorkspaceFile;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Makes a session of what is stored of it: conversations from the journal, files, messages that wait, and a turn that was cut off. Runs
 * on the session's own context and awaits there.
 */
final class SessionLoader {

  private static final int CHUNK_BYTES = 4 << 20;

  /**
   * What was cut off.
   *
   * @param turn the turn that had started and not ended, or {@code null}
   * @param delivered when it was given to an agent, or {@code null}
   * @param consumed how far the output of an agent was understood after the last turn, or {@code null}
   * @param later what was noted of the turn's work; to be forgotten if the agent's output can be read again
   * @param began when the turn's blocks began, ISO 8601 by id
   */
  record CutOff(Turn turn, JournalEntry.Delivered delivered, JournalEntry.Consumed consumed, List<SessionEvent> later,
                Map<String, String> began) {}

  private final Session session;
  private final Inbox inbox;
  private final List<JournalEntry> entries;
  private final Map<String, SessionEvent.BlockComplete> completed = new HashMap<>();

  SessionLoader(Session session, Inbox inbox, List<JournalEntry> entries) {
    this.session = session;
    this.inbox = inbox;
    this.entries = entries;
  }

  /** Reads the whole journal. */
  static List<JournalEntry> readJournal(SessionStore store, long length) {
    Buffer content = Buffer.buffer();
    while (content.length() < length) {
      content.appendBuffer(Future.await(store.readTranscript(Journal.TRANSCRIPT, content.length(), CHUNK_BYTES)));
    }
    try {
      return Journal.read(content);
    } catch (IOException e) {
      throw new UncheckedIOException("the journal of a session cannot be read", e);
    }
  }

  /** Whether the journal says that the agent had a conversation to resume. */
  static boolean tellsOfTranscripts(List<JournalEntry> entries, TranscriptFormat format, String sessionId) {
    return entries.stream().anyMatch(entry ->
        entry instanceof JournalEntry.Transcripts saved && format.resumable(sessionId, saved.lengths().keySet()));
  }

  /** Replays the journal up to a turn that was cut off. */
  CutOff replay() {
    JournalEntry.Happened open = null;
    for (JournalEntry entry : entries) {
      if (entry instanceof JournalEntry.Happened happened) {
        switch (Journal.event(happened)) {
          case SessionEvent.TurnStarted e -> open = happened;
          case SessionEvent.TurnCompleted e -> open = null;
          case SessionEvent.BlockComplete e -> completed.put(key(e.conversationId(), e.blockId()), e);
          default -> { }
        }
      }
    }
    Turn cutOff = null;
    Set<String> interrupted = new HashSet<>();
    JournalEntry.Delivered delivered = null;
    JournalEntry.Consumed consumed = null;
    List<SessionEvent> later = new ArrayList<>();
    Map<String, String> times = new HashMap<>();
    for (JournalEntry entry : entries) {
      switch (entry) {
        case JournalEntry.Accepted accepted -> {
          inbox.restore(accepted);
          interrupted.add(accepted.interrupts());
        }
        case JournalEntry.Interrupted e -> interrupted.add(e.turnId());
        case JournalEntry.Withdrawn withdrawn -> inbox.withdraw(withdrawn.messageId());
        case JournalEntry.Delivered e -> delivered = e;
        case JournalEntry.Consumed e -> consumed = e;
        case JournalEntry.Transcripts e -> { }
        case JournalEntry.Began began -> {
          if (cutOff == null || began.block().equals(cutOff.messageId)) {
            blockEvents(began).forEach(session::restore);
          } else {
            later.addAll(blockEvents(began));
            times.putIfAbsent(began.block(), began.at());
          }
        }
        case JournalEntry.Happened happened -> {
          SessionEvent event = Journal.event(happened);
          if (event instanceof SessionEvent.TurnStarted started) {
            delivered = null;
            Inbox.Waiting waiting = inbox.started(started.turnId());
            cutOff = happened != open ? null : new Turn(started.turnId(), started.messageId(),
                waiting == null ? null : waiting.content, happened.at(), System.nanoTime());
          } else if (!(event instanceof SessionEvent.BlockComplete)) {
            if (cutOff == null) {
              session.restore(event);
            } else {
              later.add(event);
            }
          }
        }
      }
    }
    interrupted.forEach(inbox::interrupt);
    if (cutOff != null) {
      cutOff.interrupted = interrupted.contains(cutOff.turnId);
    }
    return new CutOff(cutOff, cutOff == null ? null : delivered, consumed, later, times);
  }

  private List<SessionEvent> blockEvents(JournalEntry.Began began) {
    SessionEvent.BlockComplete complete = completed.get(key(began.conversation(), began.block()));
    return complete == null ? List.of() : List.of(new SessionEvent.BlockStart(began.conversation(), complete.block()), complete);
  }

  private static String key(String conversationId, String blockId) {
    return conversationId + "\n" + blockId;
  }

  /** For a session that has the agent's transcripts and no journal: shows what those tell. */
  static void readFromTranscripts(Session session, Journal journal, AgentArchitecture architecture, Transcripts transcripts) {
    TranscriptFormat.Conversations told = architecture.transcripts().read(session.id(), transcripts.readAll());
    told.main().forEach(block -> adopt(session, journal, SessionEvent.MAIN, block));
    for (SessionSnapshot.Subagent subagent : told.subagents()) {
      adopt(session, journal, new SessionEvent.SubagentDiscovered(
          new SessionEvent.SubagentDiscovered.Discovered(subagent.id(), subagent.name(), null, List.of())));
      subagent.blocks().forEach(block -> adopt(session, journal, subagent.id(), block));
      adopt(session, journal, new SessionEvent.SubagentCompleted(subagent.id(), subagent.status()));
    }
  }

  private static void adopt(Session session, Journal journal, String conversationId, Block block) {
    adopt(session, journal, new SessionEvent.BlockStart(conversationId, block));
    adopt(session, journal, new SessionEvent.BlockComplete(conversationId, block.id(), block));
  }

  private static void adopt(Session session, Journal journal, SessionEvent event) {
    session.restore(event);
    journal.happened(event);
  }

  /** The files as they are stored, small ones with their content. */
  static List<WorkspaceFile> readFiles(SessionStore store, Workspace workspace, List<StoredSession.StoredFile> files, int inlineBytes) {
    List<WorkspaceFile> read = new ArrayList<>(files.size());
    for (StoredSession.StoredFile file : files) {
      Buffer content = file.size() > inlineBytes ? null
          : file.size() == 0 ? Buffer.buffer() : Future.await(store.readFile(file.path(), 0, (int) file.size()));
      read.add(workspace.describe(file.path(), file.size(), file.modifiedAt(), content));
    }
    return read;
  }

  static StoredSession claim(Services services, String sessionId, String epoch) {
    return Future.await(SessionStore.measured(services.metrics(), () -> services.persistence().loadSession(sessionId, epoch)))
        .orElseThrow(() -> ApiException.sessionNotFound(sessionId));
  }
}
