package dev.agentruntime.session;

import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.TranscriptFormat;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.WorkspaceFile;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Makes a session of what is stored of it: conversations from the journal, files, messages that wait, and a turn that was cut off. Runs
 * on the session's own context and awaits there.
 */
final class SessionLoader {

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

  private final StoredJournal journal;
  private final Map<String, SessionEvent.BlockComplete> completed = new HashMap<>();
  private boolean empty = true;
  private boolean tellsOfTranscripts;
  /** The turn that has started and not ended, or {@code null}. */
  private String open;

  private SessionLoader(StoredJournal journal) {
    this.journal = journal;
  }

  /** Reads the journal through, for what has to be known before it is {@linkplain #replay replayed}. */
  static SessionLoader of(StoredJournal journal, TranscriptFormat format, String sessionId) {
    SessionLoader loader = new SessionLoader(journal);
    journal.forEach(entry -> {
      loader.empty = false;
      switch (entry) {
        case JournalEntry.Transcripts saved -> loader.tellsOfTranscripts |= format.resumable(sessionId, saved.lengths().keySet());
        case JournalEntry.Happened happened -> loader.look(Journal.event(happened));
        default -> { }
      }
    });
    return loader;
  }

  private void look(SessionEvent event) {
    switch (event) {
      case SessionEvent.TurnStarted e -> open = e.turnId();
      case SessionEvent.TurnCompleted e -> open = null;
      case SessionEvent.BlockComplete e -> completed.put(key(e.conversationId(), e.blockId()), e);
      default -> { }
    }
  }

  /** Whether there is nothing in the journal. */
  boolean isEmpty() {
    return empty;
  }

  /** Whether the journal says that the agent had a conversation to resume. */
  boolean tellsOfTranscripts() {
    return tellsOfTranscripts;
  }

  /** Replays the journal up to a turn that was cut off. */
  CutOff replay(Session session, Inbox inbox) {
    Replay replay = new Replay(session, inbox);
    journal.forEach(replay::take);
    return replay.done();
  }

  private final class Replay {
    private final Session session;
    private final Inbox inbox;
    private final Set<String> interrupted = new HashSet<>();
    private final List<SessionEvent> later = new ArrayList<>();
    private final Map<String, String> times = new HashMap<>();
    private Turn cutOff;
    private JournalEntry.Delivered delivered;
    private JournalEntry.Consumed consumed;

    Replay(Session session, Inbox inbox) {
      this.session = session;
      this.inbox = inbox;
    }

    void take(JournalEntry entry) {
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
        case JournalEntry.Happened happened -> take(happened, Journal.event(happened));
      }
    }

    private void take(JournalEntry.Happened entry, SessionEvent event) {
      switch (event) {
        case SessionEvent.TurnStarted started -> {
          delivered = null;
          Inbox.Waiting waiting = inbox.started(started.turnId());
          cutOff = !started.turnId().equals(open) ? null : new Turn(started.turnId(), started.messageId(),
              waiting == null ? null : waiting.content, entry.at(), System.nanoTime());
        }
        // Has its place where the block began.
        case SessionEvent.BlockComplete complete -> { }
        default -> {
          if (cutOff == null) {
            session.restore(event);
          } else {
            later.add(event);
          }
        }
      }
    }

    CutOff done() {
      interrupted.forEach(inbox::interrupt);
      if (cutOff != null) {
        cutOff.interrupted = interrupted.contains(cutOff.turnId);
      }
      return new CutOff(cutOff, cutOff == null ? null : delivered, consumed, later, times);
    }
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
    TranscriptFormat.Conversations told = architecture.transcripts().read(session.id(), transcripts.sources());
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

  /** @param takesOver whether the session is to be had even if a turn runs in a sandbox that only another server can reach */
  static StoredSession claim(Services services, String sessionId, String epoch, boolean takesOver) {
    if (!takesOver && !services.sandboxes().shared()) {
      refuseIfHeld(services, sessionId);
    }
    return Future.await(SessionStore.measured(services.metrics(), () -> services.persistence().loadSession(sessionId, epoch)))
        .orElseThrow(() -> ApiException.sessionNotFound(sessionId));
  }

  private static void refuseIfHeld(Services services, String sessionId) {
    Optional<SessionRecord> record = Future.await(SessionStore.measured(services.metrics(), () -> services.persistence().findSession(sessionId)));
    if (record.map(SessionRecord::recovery).map(Recovery::of).filter(left -> left.isHeldByOtherThan(services.node())).isPresent()) {
      throw new ApiException(ErrorCode.CONFLICT, "Another server is at work with the session: ask that one, or try again when the turn is over.");
    }
  }
}
