package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
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
import dev.agentruntime.protocol.WorkspaceFile;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;

/**
 * What clients see of a session: its conversations, files, usage and runtime state, changed by events only. Belongs to the session's own
 * context.
 */
final class SessionState {

  private static final class Subagent {
    final String name;
    final Conversation conversation;
    SubagentStatus status = SubagentStatus.RUNNING;

    Subagent(String name, SessionSize size) {
      this.name = name;
      this.conversation = new Conversation(size);
    }
  }

  private final SessionRecord origin;
  private final SessionSize size = new SessionSize();
  private final Conversation main = new Conversation(size);
  private final Map<String, Subagent> subagents = new LinkedHashMap<>();
  /** Ids of all blocks there ever were, in whatever conversation: none is started again. */
  private final Set<String> started = new HashSet<>();
  private final TreeMap<String, WorkspaceFile> files = new TreeMap<>();
  private String name;
  private ObjectNode metadata;
  private ObjectNode options;
  private long lastActivity;
  private UsageMetadata usage;
  private RuntimeState runtime = new RuntimeState(true, null, null, 0);

  SessionState(SessionRecord origin) {
    this.origin = origin;
    this.name = origin.name();
    this.metadata = origin.metadata();
    this.options = origin.sessionOptions();
    this.lastActivity = origin.lastActivity();
  }

  String id() {
    return origin.sessionId();
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

  NavigableSet<String> paths() {
    return files.navigableKeySet();
  }

  /** @return {@code null} if there is no such file */
  WorkspaceFile file(String path) {
    return files.get(path);
  }

  void restoreFiles(Collection<WorkspaceFile> restored) {
    restored.forEach(this::put);
  }

  boolean hasStarted(String blockId) {
    return started.contains(blockId);
  }

  /** Lets an event change the state. @return whether it fits */
  boolean fold(SessionEvent event) {
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
      case SessionEvent.FileCreated e -> put(e.file());
      case SessionEvent.FileModified e -> files.replace(e.file().path(), e.file()) != null;
      case SessionEvent.FileDeleted e -> remove(e.path());
      case SessionEvent.ErrorEvent e -> true;
    };
  }

  private boolean put(WorkspaceFile file) {
    boolean isNew = files.put(file.path(), file) == null;
    size.add(isNew ? SessionSize.ofFile(file.path()) : 0);
    return isNew;
  }

  private boolean remove(String path) {
    boolean was = files.remove(path) != null;
    size.add(was ? -SessionSize.ofFile(path) : 0);
    return was;
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
    Subagent subagent = new Subagent(discovered.name(), size);
    if (discovered.id().equals(SessionEvent.MAIN) || subagents.putIfAbsent(discovered.id(), subagent) != null) {
      return false;
    }
    size.add(SessionSize.ofSubagent(discovered.id(), discovered.name()));
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

  /** What the conversations and the list of files take of memory, about. */
  long bytes() {
    return size.bytes();
  }

  private boolean in(String conversationId) {
    return conversation(conversationId) != null;
  }

  /** @return {@code null} if there is none of that id */
  Conversation conversation(String id) {
    if (id.equals(SessionEvent.MAIN)) {
      return main;
    }
    Subagent subagent = subagents.get(id);
    return subagent == null ? null : subagent.conversation;
  }

  /** All there are now, by id, the main one first. */
  Map<String, Conversation> conversations() {
    Map<String, Conversation> all = new LinkedHashMap<>();
    all.put(SessionEvent.MAIN, main);
    subagents.forEach((id, subagent) -> all.put(id, subagent.conversation));
    return all;
  }

  List<String> subagentsAtWork() {
    return subagents.entrySet().stream().filter(entry -> entry.getValue().status == SubagentStatus.RUNNING).map(Map.Entry::getKey).toList();
  }

  /** Whether a tool or a subagent that the main conversation has called is at work. */
  boolean isCalling() {
    return main.open().stream().anyMatch(block -> block instanceof Block.ToolUse call && call.status() == CallStatus.RUNNING
        || block instanceof Block.SubagentCall subagent && subagent.status() == CallStatus.RUNNING);
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

  SessionSnapshot snapshot(String epoch, long seq) {
    List<SessionSnapshot.Subagent> children = new ArrayList<>(subagents.size());
    subagents.forEach((id, subagent) ->
        children.add(new SessionSnapshot.Subagent(id, subagent.name, subagent.status, subagent.conversation.blocks())));
    return new SessionSnapshot(listItem(), epoch, seq, main.blocks(), children, List.copyOf(files.values()), usage);
  }

  /** What the JSON of a snapshot is made of. */
  SnapshotState now(String epoch, long seq) {
    List<SnapshotState.Subagent> children = new ArrayList<>(subagents.size());
    subagents.forEach((id, subagent) ->
        children.add(new SnapshotState.Subagent(id, subagent.name, subagent.status, subagent.conversation.state())));
    return new SnapshotState(listItem(), epoch, seq, main.state(), children, List.copyOf(files.values()), usage);
  }
}
