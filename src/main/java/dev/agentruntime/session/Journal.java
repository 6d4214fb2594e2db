package dev.agentruntime.session;

import com.fasterxml.jackson.annotation.JsonTypeName;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionEvent;
import io.vertx.core.buffer.Buffer;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;

/**
 * What a session has to remember to show again what it showed, as lines of JSON that are only ever appended. Gathers lines; storing them
 * is {@link SessionStore}'s work. Belongs to the session's own context.
 */
final class Journal {

  /** Under this name the journal is stored, beside the agent's transcripts. */
  static final String TRANSCRIPT = "journal.jsonl";

  private static final Map<String, Class<? extends SessionEvent>> EVENTS = new HashMap<>();

  static {
    collect(SessionEvent.class);
  }

  private final Clock clock;
  private final Backlog backlog;
  private Buffer pending = Buffer.buffer();

  /** @param backlog told what is written and stored */
  Journal(Clock clock, Backlog backlog) {
    this.clock = clock;
    this.backlog = backlog;
  }

  void write(JournalEntry entry) {
    byte[] line = Json.bytes(entry);
    pending.appendBytes(line).appendByte((byte) '\n');
    backlog.add(line.length + 1L);
  }

  /** Notes an event if a later reader of the session needs it. */
  void happened(SessionEvent event) {
    switch (event) {
      case SessionEvent.BlockStart start -> write(new JournalEntry.Began(start.conversationId(), start.block().id(),
          start.block().timestamp()));
      case SessionEvent.BlockComplete e -> note(e);
      case SessionEvent.MetadataUpdate e -> note(e);
      case SessionEvent.TurnStarted e -> note(e);
      case SessionEvent.TurnCompleted e -> note(e);
      case SessionEvent.SubagentDiscovered e -> note(e);
      case SessionEvent.SubagentCompleted e -> note(e);
      case SessionEvent.BlockDelta e -> { }
      case SessionEvent.BlockUpdate e -> { }
      case SessionEvent.BlockRemoved e -> { }
      case SessionEvent.StatusChanged e -> { }
      case SessionEvent.OptionsUpdate e -> { }
      case SessionEvent.SessionUpdated e -> { }
      case SessionEvent.FileCreated e -> { }
      case SessionEvent.FileModified e -> { }
      case SessionEvent.FileDeleted e -> { }
      case SessionEvent.ErrorEvent e -> { }
    }
  }

  boolean hasPending() {
    return pending.length() > 0;
  }

  int pendingBytes() {
    return pending.length();
  }

  /**
   * The first lines that are not stored yet. They stay pending until {@link #stored}.
   *
   * @param maxBytes of whole lines; at least one is given, if there is any
   */
  Buffer pending(int maxBytes) {
    if (pending.length() <= maxBytes) {
      return pending.copy();
    }
    int end = maxBytes;
    while (end > 0 && pending.getByte(end - 1) != '\n') {
      end--;
    }
    if (end == 0) {
      end = maxBytes;
      while (pending.getByte(end - 1) != '\n') {
        end++;
      }
    }
    return pending.getBuffer(0, end);
  }

  void stored(int bytes) {
    pending = pending.getBuffer(bytes, pending.length());
    backlog.add(-bytes);
  }

  private void note(SessionEvent event) {
    write(new JournalEntry.Happened(FrameEncoder.name(event), clock.millis(), Json.toTree(event)));
  }

  static SessionEvent event(JournalEntry.Happened entry) {
    Class<? extends SessionEvent> type = EVENTS.get(entry.event());
    if (type == null) {
      throw new IllegalArgumentException("the journal tells of an unknown event " + entry.event());
    }
    return Json.to(entry.data(), type);
  }

  private static void collect(Class<?> type) {
    for (Class<?> permitted : type.getPermittedSubclasses()) {
      if (permitted.isSealed()) {
        collect(permitted);
      } else {
        EVENTS.put(permitted.getAnnotation(JsonTypeName.class).value(), permitted.asSubclass(SessionEvent.class));
      }
    }
  }
}
