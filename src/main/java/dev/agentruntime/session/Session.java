package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.Json;
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
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What clients see of a session: its conversations, files, usage and runtime state, changed by events only, each of which gets the next
 * sequence number. Does no I/O and never waits; belongs to the session's own context.
 *
 * <p>Events of an agent are not trusted: a block that starts twice, a delta of a block that is not open, a final text that is not what
 * was streamed, are mended or dropped, so that the rules of the stream hold whatever an agent says.
 */
final class Session {

  private static final Logger log = LoggerFactory.getLogger(Session.class);
  private static final List<String> UNCHANGING_FIELDS = List.of("id", "type", "timestamp");

  private static final int MAX_DELTA_CHARS = 16 * 1024;

  private static final class Subagent {
    final String name;
    final Conversation conversation = new Conversation();
    SubagentStatus status = SubagentStatus.RUNNING;

    Subagent(String name) {
      this.name = name;
    }
  }

  private final SessionRecord origin;
  private final EventLog events;
  private final FrameEncoder encoder;
  private final Consumer<Frame> outlet;
  private final Journal journal;

  private final Conversation main = new Conversation();
  private final Map<String, Subagent> subagents = new LinkedHashMap<>();
  /** Ids of all blocks there ever were, in whatever conversation: none is started again. */
  private final Set<String> started = new HashSet<>();
  /** Timestamps of blocks that an earlier runtime told of and that are read again. */
  private final Map<String, String> times = new HashMap<>();
  private final Map<String, WorkspaceFile> files = new TreeMap<>();
  private String name;
  private ObjectNode metadata;
  private ObjectNode options;
  private long lastActivity;
  private UsageMetadata usage;
  private RuntimeState runtime = new RuntimeState(true, null, null, 0);
  private long seq;
  private WeakReference<SnapshotState.Encoded> encoded = new WeakReference<>(null);

  /** @param outlet given every frame after it was logged */
  Session(SessionRecord origin, EventLog events, Journal journal, Consumer<Frame> outlet) {
    this.origin = origin;
    this.events = events;
    this.journal = journal;
    this.outlet = outlet;
    this.encoder = new FrameEncoder(origin.sessionId());
    this.name = origin.name();
    this.metadata = origin.metadata();
    this.options = origin.sessionOptions();
    this.lastActivity = origin.lastActivity();
  }

  String id() {
    return origin.sessionId();
  }

  EventLog events() {
    return events;
  }

  long seq() {
    return seq;
  }

  ObjectNode options() {
    return options;
  }

  RuntimeState runtime() {
    return runtime;
  }

  UsageMetadata usage() {
    return usage;
  }

  Collection<WorkspaceFile> files() {
    return files.values();
  }

  /** @return {@code null} if there is no such file */
  WorkspaceFile file(String path) {
    return files.get(path);
  }

  boolean knowsBlock(String conversationId, String blockId) {
    Conversation conversation = conversation(conversationId);
    return conversation != null && conversation.knows(blockId);
  }

  /** Lets something happen: it changes the state, gets its number and goes out to everybody. */
  void apply(SessionEvent event) {
    switch (event) {
      case BlockStart start -> start(start);
      case BlockComplete complete -> complete(complete);
      case BlockDelta delta when delta.delta().isEmpty() -> { }
      case BlockDelta delta -> append(delta.conversationId(), delta.blockId(), WellFormed.text(delta.delta()));
      case BlockUpdate update -> update(update);
      case SubagentDiscovered discovered -> discover(discovered);
      default -> emit(event);
    }
  }

  /** Takes up what a journal tells: changes the state only. */
  void restore(SessionEvent event) {
    fold(event);
  }

  /** Blocks that start from now on have the timestamps that they had. @param began ISO 8601 by block */
  void keepTimes(Map<String, String> began) {
    times.putAll(began);
  }

  void restoreFiles(Collection<WorkspaceFile> restored) {
    restored.forEach(file -> files.put(file.path(), file));
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
    Conversation conversation = conversation(event.conversationId());
    String id = event.block().id();
    if (conversation == null || !conversation.knows(id) && !start(new BlockStart(event.conversationId(), event.block()))
        || !conversation.isOpen(id)) {
      return;
    }
    Block known = conversation.get(id);
    Block block = event.block().getClass() == known.getClass() ? event.block() : known;
    if (block.streams()) {
      String text = WellFormed.text(block.text());
      String streamed = known.text();
      if (text.startsWith(streamed) && text.length() > streamed.length()) {
        append(event.conversationId(), id, text.substring(streamed.length()));
      } else if (!text.equals(streamed)) {
        log.warn("block {} ends with another text than it streamed; what was streamed stays", id);
        text = streamed;
      }
      block = block.withText(text);
    }
    emit(new BlockComplete(event.conversationId(), id, Conversation.at(known.timestamp(), block)));
  }

  /** What a block is, and a text that is streamed, no update changes. */
  private void update(BlockUpdate event) {
    Conversation conversation = conversation(event.conversationId());
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
    // Encoded first: what has no JSON must not have happened either.
    Frame frame = encoder.encode(seq + 1, event);
    if (!fold(event)) {
      log.debug("dropped an event that does not fit: {}", event);
      return false;
    }
    seq++;
    encoded.clear();
    journal.happened(event);
    events.append(frame);
    outlet.accept(frame);
    return true;
  }

  private boolean fold(SessionEvent event) {
    return switch (event) {
      case BlockStart e -> in(e.conversationId()) && started.add(e.block().id()) && conversation(e.conversationId()).start(e.block());
      case BlockDelta e -> in(e.conversationId()) && conversation(e.conversationId()).append(e.blockId(), e.delta());
      case BlockUpdate e -> in(e.conversationId()) && conversation(e.conversationId()).update(e.blockId(), e.updates());
      case BlockComplete e -> in(e.conversationId()) && conversation(e.conversationId()).complete(e.block());
      case BlockRemoved e -> in(e.conversationId()) && conversation(e.conversationId()).remove(e.blockId());
      case SessionEvent.StatusChanged e -> changeRuntime(e.runtime());
      case SessionEvent.MetadataUpdate e -> {
        usage = e.conversationId().equals(SessionEvent.MAIN) ? e.metadata() : usage;
        yield in(e.conversationId());
      }
      case SessionEvent.OptionsUpdate e -> {
        options = e.options();
        yield true;
      }
      case SessionEvent.SessionUpdated e -> {
        name = e.name();
        metadata = e.metadata();
        yield true;
      }
      case SessionEvent.TurnStarted e -> true;
      case SessionEvent.TurnCompleted e -> {
        lastActivity = runtime.turn() == null ? lastActivity : runtime.turn().startedAt() + e.durationMs();
        yield true;
      }
      case SubagentDiscovered e -> add(e.subagent());
      case SessionEvent.SubagentCompleted e -> finish(e);
      case SessionEvent.FileCreated e -> files.put(e.file().path(), e.file()) == null;
      case SessionEvent.FileModified e -> files.replace(e.file().path(), e.file()) != null;
      case SessionEvent.FileDeleted e -> files.remove(e.path()) != null;
      case SessionEvent.ErrorEvent e -> true;
    };
  }

  private boolean changeRuntime(RuntimeState next) {
    if (next.equals(runtime)) {
      return false;
    }
    runtime = next;
    lastActivity = next.turn() == null ? lastActivity : Math.max(lastActivity, next.turn().startedAt());
    return true;
  }

  private boolean add(SubagentDiscovered.Discovered discovered) {
    Subagent subagent = new Subagent(discovered.name());
    if (discovered.id().equals(SessionEvent.MAIN) || subagents.putIfAbsent(discovered.id(), subagent) != null) {
      return false;
    }
    for (Block block : discovered.blocks()) {
      if (started.add(block.id())) {
        subagent.conversation.start(block);
        subagent.conversation.complete(block);
      }
    }
    return true;
  }

  private boolean finish(SessionEvent.SubagentCompleted event) {
    Subagent subagent = subagents.get(event.subagentId());
    if (subagent == null || subagent.status != SubagentStatus.RUNNING || event.status() == SubagentStatus.RUNNING) {
      return false;
    }
    subagent.status = event.status();
    return true;
  }

  private boolean in(String conversationId) {
    return conversation(conversationId) != null;
  }

  private Conversation conversation(String id) {
    if (id.equals(SessionEvent.MAIN)) {
      return main;
    }
    Subagent subagent = subagents.get(id);
    return subagent == null ? null : subagent.conversation;
  }

  /** A turn is over: what it left open ends with what it has. A call that was not whole yet is withdrawn. */
  void closeOpenBlocks() {
    close(SessionEvent.MAIN, main);
    for (Map.Entry<String, Subagent> entry : List.copyOf(subagents.entrySet())) {
      close(entry.getKey(), entry.getValue().conversation);
    }
  }

  /** The agent is gone: whatever it was about, its subagents included, has ended. */
  void agentEnded() {
    closeOpenBlocks();
    for (Map.Entry<String, Subagent> entry : List.copyOf(subagents.entrySet())) {
      if (entry.getValue().status == SubagentStatus.RUNNING) {
        emit(new SessionEvent.SubagentCompleted(entry.getKey(), SubagentStatus.FAILED));
      }
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
    return new SessionListItem(id(), origin.type(), origin.agentProfileReference(), name, origin.createdAt(), lastActivity, options,
        metadata, runtime);
  }

  /** The record as it should be stored now. @param recovery see {@link SessionRecord} */
  SessionRecord record(ObjectNode recovery) {
    return new SessionRecord(id(), origin.type(), origin.agentProfileReference(), name, origin.createdAt(), lastActivity, options,
        metadata, recovery);
  }

  SessionSnapshot snapshot() {
    List<SessionSnapshot.Subagent> children = new ArrayList<>(subagents.size());
    subagents.forEach((id, subagent) ->
        children.add(new SessionSnapshot.Subagent(id, subagent.name, subagent.status, subagent.conversation.blocks())));
    return new SessionSnapshot(listItem(), events.epoch(), seq, main.blocks(), children, List.copyOf(files.values()), usage);
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
      List<SnapshotState.Subagent> children = new ArrayList<>(subagents.size());
      subagents.forEach((id, subagent) ->
          children.add(new SnapshotState.Subagent(id, subagent.name, subagent.status, subagent.conversation.state())));
      snapshot = SnapshotState.Encoded.of(
          new SnapshotState(listItem(), events.epoch(), seq, main.state(), children, List.copyOf(files.values()), usage));
      encoded = new WeakReference<>(snapshot);
    }
    return snapshot;
  }
}
