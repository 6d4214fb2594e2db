package dev.agentruntime.session;

import dev.agentruntime.agent.claude.ClaudeTranscripts;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.Follower;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** A session without a world around it, its journal, and a strict client that folds every frame. */
final class SessionRig {

  static final int LARGE_LOG_BYTES = 64 << 20;
  private static final Clock CLOCK = Clock.fixed(Instant.ofEpochMilli(1_700_000_000_000L), ZoneOffset.UTC);

  final Journal journal = new Journal(CLOCK, unbounded());
  final EventLog log;
  final Session session;
  final List<Frame> frames = new ArrayList<>();
  final EventFold client;
  private int turns;

  SessionRig(int logBytes) {
    SessionRecord record = record();
    log = new EventLog(record.sessionId(), "epoch", logBytes);
    session = new Session(record, Integer.MAX_VALUE, log, journal, frames::add);
    client = new EventFold(snapshot());
  }

  SessionRig() {
    this(LARGE_LOG_BYTES);
  }

  static SessionRecord record() {
    return new SessionRecord("1b4e28ba-2fa1-4d2b-883f-0016d3cca427", "claude-agent-sdk", "demo", null, 5, 5, Json.object(), null, null);
  }

  private static Backlog unbounded() {
    return new Backlog(new AtomicLong(), Long.MAX_VALUE, Long.MAX_VALUE);
  }

  void beginTurn() {
    turns++;
    session.apply(new SessionEvent.TurnStarted("turn" + turns, null));
    session.apply(new SessionEvent.StatusChanged(
        new RuntimeState(true, null, new RuntimeState.Turn("turn" + turns, null, 1_000L * turns), 0)));
  }

  void endTurn() {
    session.closeOpenBlocks();
    session.apply(new SessionEvent.TurnCompleted("turn" + turns, null, TurnOutcome.SUCCESS, 7, null));
    session.apply(new SessionEvent.StatusChanged(new RuntimeState(true, null, null, 0)));
  }

  /** What the server would answer now, as it is on the wire. */
  SessionSnapshot snapshot() {
    return Follower.snapshot(session.encodedSnapshot().json());
  }

  /** Gives the client what is new, frame by frame as on the wire. */
  EventFold fold() {
    for (Frame frame : frames) {
      if (frame.seq() > client.seq()) {
        apply(client, frame);
      }
    }
    return client;
  }

  static void apply(EventFold client, Frame frame) {
    try {
      client.applyFrame(Json.tree(frame.json()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a later server makes of the journal. */
  SessionSnapshot reloaded() {
    Session later = new Session(record(), Integer.MAX_VALUE, new EventLog("other", "epoch", LARGE_LOG_BYTES), new Journal(CLOCK, unbounded()), frame -> { });
    Buffer stored = journal.pending(Integer.MAX_VALUE);
    StoredJournal lines = new StoredJournal((offset, length) -> stored.getBuffer((int) offset, (int) offset + length), stored.length());
    SessionLoader.of(lines, new ClaudeTranscripts(), record().sessionId()).replay(later, new Inbox(16));
    return Follower.snapshot(later.encodedSnapshot().json());
  }
}
