package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.Position;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionEvent.BlockComplete;
import dev.agentruntime.protocol.SessionEvent.BlockDelta;
import dev.agentruntime.protocol.SessionEvent.BlockRemoved;
import dev.agentruntime.protocol.SessionEvent.BlockStart;
import dev.agentruntime.protocol.SessionEvent.BlockUpdate;
import dev.agentruntime.protocol.SessionEvent.SubagentDiscovered;
import dev.agentruntime.protocol.SessionListItem;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.UsageMetadata;
import dev.agentruntime.protocol.WellFormed;
import dev.agentruntime.protocol.WorkspaceFile;
import java.lang.ref.WeakReference;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What happens in a session: every event changes its {@linkplain SessionState state}, gets the next sequence number, and goes out to
 * everybody. Does no I/O and never waits; belongs to the session's own context.
 *
 * <p>Events of an agent are not trusted: a block that starts twice, a delta of a block that is not open, a final text that is not what
 * was streamed, are mended or dropped, so that the rules of the stream hold whatever an agent says.
 */
final class Session {

  private static final Logger log = LoggerFactory.getLogger(Session.class);
  private static final List<String> UNCHANGING_FIELDS = List.of("id", "type", "timestamp");

  private static final int MAX_DELTA_CHARS = 16 * 1024;

  private final EventLog events;
  private final FrameEncoder encoder;
  private final Consumer<Frame> outlet;
  private final Journal journal;
  private final SessionState state;
  private final int maxBytes;
  /** Timestamps of blocks that an earlier runtime told of and that are read again. */
  private final Map<String, String> times = new HashMap<>();
  private long seq;
  private WeakReference<SnapshotState.Encoded> encoded = new WeakReference<>(null);

  /**
   * @param maxBytes that the conversations and the list of files may take of memory, about
   * @param outlet given every frame after it was logged
   */
  Session(SessionRecord origin, int maxBytes, EventLog events, Journal journal, Consumer<Frame> outlet) {
    this.state = new SessionState(origin);
    this.maxBytes = maxBytes;
    this.events = events;
    this.journal = journal;
    this.outlet = outlet;
    this.encoder = new FrameEncoder(origin.sessionId());
  }

  String id() {
    return state.id();
  }

  EventLog events() {
    return events;
  }

  long seq() {
    return seq;
  }

  ObjectNode options() {
    return state.options();
  }

  RuntimeState runtime() {
    return state.runtime();
  }

  UsageMetadata usage() {
    return state.usage();
  }

  Collection<WorkspaceFile> files() {
    return state.files();
  }

  /** Of all files. */
  NavigableSet<String> paths() {
    return state.paths();
  }

  /** @return {@code null} if there is no such file */
  WorkspaceFile file(String path) {
    return state.file(path);
  }

  /** Why neither the agent nor a client may add anything: it has reached its largest size. {@code null} if it has not. */
  String full() {
    return state.bytes() < maxBytes ? null : "This session has reached its largest size (about " + maxBytes
        + " bytes of memory; the setting limits.sessionBytes). It can still be read. Start a new session to go on.";
  }

  /** Whether there is, or was, a block of that id in any conversation. */
  boolean hasStarted(String blockId) {
    return state.hasStarted(blockId);
  }

  boolean knowsBlock(String conversationId, String blockId) {
    Conversation conversation = state.conversation(conversationId);
    return conversation != null && conversation.knows(blockId);
  }

  /** Whether a tool or a subagent that the main conversation has called is at work. */
  boolean isCalling() {
    return state.isCalling();
  }

  /** Lets something happen: it changes the state, gets its number and goes out to everybody. */
  void apply(SessionEvent event) {
    switch (event) {
      case BlockStart start -> start(start);
      case BlockComplete complete -> complete(complete);
      case BlockDelta delta when delta.delta().isEmpty() -> { }
      case BlockDelta delta -> append(delta);
      case BlockUpdate update -> update(update);
      case SubagentDiscovered discovered -> discover(discovered);
      default -> emit(event);
    }
  }

  /** As {@link #apply}, for what the journal knows already. */
  void applyNoted(SessionEvent.TurnCompleted end) {
    emit(end, false);
  }

  /** Takes up what a journal tells: changes the state only. */
  void restore(SessionEvent event) {
    state.fold(event);
  }

  /** Blocks that start from now on have the timestamps that they had. @param began ISO 8601 by block */
  void keepTimes(Map<String, String> began) {
    times.putAll(began);
  }

  void restoreFiles(Collection<WorkspaceFile> restored) {
    state.restoreFiles(restored);
  }

  /** A block that streams starts empty, so that its deltas alone make its content. */
  private boolean start(BlockStart event) {
    String time = times.remove(event.block().id());
    Block block = time == null ? event.block() : Conversation.at(time, event.block());
    String text = WellFormed.text(block.text());
    if (!block.streams() || text.isEmpty()) {
      return emit(new BlockStart(event.conversationId(), block));
    }
    return emit(new BlockStart(event.conversationId(), block.withText("")))
        && append(event.conversationId(), block.id(), text);
  }

  private void append(BlockDelta event) {
    String text = WellFormed.text(event.delta());
    if (text.length() <= MAX_DELTA_CHARS && text.equals(event.delta())) {
      emit(event);
    } else {
      append(event.conversationId(), event.blockId(), text);
    }
  }

  /** A long text in several deltas: while one is being sent it is held, and who is slow takes its time. */
  private boolean append(String conversationId, String blockId, String text) {
    boolean fits = true;
    for (int from = 0, to; fits && from < text.length(); from = to) {
      to = Math.min(text.length(), from + MAX_DELTA_CHARS);
      to -= to < text.length() && Character.isHighSurrogate(text.charAt(to - 1)) ? 1 : 0;
      fits = emit(new BlockDelta(conversationId, blockId, text.substring(from, to)));
    }
    return fits;
  }

  private void complete(BlockComplete event) {
    Conversation conversation = state.conversation(event.conversationId());
    String id = event.block().id();
    if (conversation == null || !conversation.knows(id) && !start(new BlockStart(event.conversationId(), event.block()))
        || !conversation.isOpen(id)) {
      return;
    }
    Block known = conversation.get(id);
    Block block = event.block().getClass() == known.getClass() ? event.block() : known;
    if (block.streams()) {
      String text = block.text();
      String streamed = known.text();
      if (!text.equals(streamed)) {
        text = WellFormed.text(text);
        if (text.startsWith(streamed) && text.length() > streamed.length()) {
          append(event.conversationId(), id, text.substring(streamed.length()));
        } else if (!text.equals(streamed)) {
          log.warn("block {} ends with another text than it streamed; what was streamed stays", id);
          text = streamed;
        }
      }
      block = block.withText(text);
    }
    emit(new BlockComplete(event.conversationId(), id, Conversation.at(known.timestamp(), block)));
  }

  /** What a block is, and a text that is streamed, no update changes. */
  private void update(BlockUpdate event) {
    Conversation conversation = state.conversation(event.conversationId());
    if (conversation == null || !conversation.isOpen(event.blockId())) {
      return;
    }
    ObjectNode updates = event.updates().deepCopy();
    updates.remove(UNCHANGING_FIELDS);
    if (conversation.get(event.blockId()).streams()) {
      updates.remove("content");
    }
    if (!updates.isEmpty()) {
      emit(new BlockUpdate(event.conversationId(), event.blockId(), updates));
    }
  }

  private void discover(SubagentDiscovered event) {
    SubagentDiscovered.Discovered found = event.subagent();
    if (emit(new SubagentDiscovered(new SubagentDiscovered.Discovered(found.id(), found.name(), found.toolUseId(), List.of())))) {
      found.blocks().forEach(block -> complete(new BlockComplete(found.id(), block.id(), block)));
    }
  }

  private boolean emit(SessionEvent event) {
    return emit(event, true);
  }

  private boolean emit(SessionEvent event, boolean note) {
    // Encoded first: what has no JSON must not have happened either.
    Frame frame = encoder.encode(seq + 1, event);
    if (!state.fold(event)) {
      log.debug("dropped an event that does not fit: {}", event);
      return false;
    }
    seq++;
    encoded.clear();
    if (note) {
      journal.happened(event);
    }
    events.append(frame);
    outlet.accept(frame);
    return true;
  }

  /** A turn is over: what it left open ends with what it has. A call that was not whole yet is withdrawn. */
  void closeOpenBlocks() {
    state.conversations().forEach(this::close);
  }

  /** The agent is gone: whatever it was about, its subagents included, has ended. */
  void agentEnded() {
    closeOpenBlocks();
    for (String subagent : state.subagentsAtWork()) {
      emit(new SessionEvent.SubagentCompleted(subagent, SubagentStatus.FAILED));
    }
  }

  private void close(String conversationId, Conversation conversation) {
    for (Block block : conversation.open()) {
      switch (block) {
        case Block.ToolUse call when call.status() == CallStatus.PENDING -> emit(new BlockRemoved(conversationId, call.id()));
        case Block.ToolUse call -> complete(new BlockComplete(conversationId, call.id(), new Block.ToolUse(call.id(), call.timestamp(),
            call.toolName(), call.toolUseId(), call.input(), CallStatus.ERROR, call.displayName(), call.description())));
        case Block.SubagentCall call -> {
          complete(new BlockComplete(conversationId, call.id(), new Block.SubagentCall(call.id(), call.timestamp(), call.subagentId(),
              call.name(), call.input(), CallStatus.ERROR, call.output(), call.durationMs(), call.toolUseId())));
          emit(new SessionEvent.SubagentCompleted(call.subagentId(), SubagentStatus.FAILED));
        }
        default -> complete(new BlockComplete(conversationId, block.id(), block));
      }
    }
  }

  SessionListItem listItem() {
    return state.listItem();
  }

  /** The record as it should be stored now. @param recovery see {@link SessionRecord} */
  SessionRecord record(ObjectNode recovery) {
    return state.record(recovery);
  }

  SessionSnapshot snapshot() {
    return state.snapshot(events.epoch(), seq);
  }

  /** @param since where the reader stands, or {@code null} */
  Joined join(Position since) {
    if (since != null && events.epoch().equals(since.epoch()) && since.seq() >= 0 && events.holdsAfter(since.seq())) {
      return new Joined(events, since.seq(), true, null, null);
    }
    SnapshotState.Encoded snapshot = encodedSnapshot();
    return new Joined(events, seq, false, snapshot.json(), snapshot.state());
  }

  /** The snapshot's state and its JSON, shared by all who ask at the same number and never written to. */
  SnapshotState.Encoded encodedSnapshot() {
    SnapshotState.Encoded snapshot = encoded.get();
    if (snapshot == null) {
      snapshot = SnapshotState.Encoded.of(state.now(events.epoch(), seq));
      encoded = new WeakReference<>(snapshot);
    }
    return snapshot;
  }
}
