package dev.agentruntime.support;

import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionListItem;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.SubagentStatus;
import dev.agentruntime.protocol.UsageMetadata;
import dev.agentruntime.protocol.WorkspaceFile;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A client's view of a session: a snapshot with the events after it folded over it. Written after the contract alone and as strict as it
 * is: what the contract forbids is an {@link AssertionError}.
 *
 * <p>Not thread-safe.
 */
public final class EventFold {

  /** A snapshot does not say which of its blocks are still open, so those may or may not be. */
  private enum Life { OPEN, UNKNOWN, ENDED }

  private static final Map<String, Class<? extends SessionEvent>> EVENTS = events();

  private static final class Conversation {
    final Map<String, Block> blocks = new LinkedHashMap<>();
    final Map<String, Life> lives = new HashMap<>();
    String name;
    SubagentStatus status;
  }

  private final Map<String, Conversation> conversations = new LinkedHashMap<>();
  private final Map<String, WorkspaceFile> files = new TreeMap<>();
  private final Set<String> turns = new HashSet<>();
  private final List<SessionEvent.TurnCompleted> completedTurns = new ArrayList<>();
  private final SessionListItem session;
  private String name;
  private ObjectNode metadata;
  private long lastActivity;
  private final String epoch;
  private RuntimeState runtime;
  private ObjectNode options;
  private UsageMetadata usage;
  private String turn;
  private long seq;

  /** A session of which nothing is known, at sequence number 0. */
  public EventFold() {
    session = null;
    epoch = null;
    conversations.put(SessionEvent.MAIN, new Conversation());
  }

  public EventFold(SessionSnapshot snapshot) {
    session = snapshot.session();
    epoch = snapshot.epoch();
    seq = snapshot.seq();
    runtime = session.runtime();
    options = session.sessionOptions();
    name = session.name();
    metadata = session.metadata();
    lastActivity = session.lastActivity();
    usage = snapshot.usage();
    turn = runtime == null || runtime.turn() == null ? null : runtime.turn().turnId();
    conversations.put(SessionEvent.MAIN, conversation(snapshot.blocks()));
    for (SessionSnapshot.Subagent subagent : snapshot.subagents()) {
      Conversation conversation = conversation(subagent.blocks());
      conversation.name = subagent.name();
      conversation.status = subagent.status();
      conversations.put(subagent.id(), conversation);
    }
    snapshot.workspaceFiles().forEach(file -> files.put(file.path(), file));
  }

  private static Conversation conversation(List<Block> blocks) {
    Conversation conversation = new Conversation();
    for (Block block : blocks) {
      check(conversation.blocks.put(block.id(), block) == null, "the snapshot has block " + block.id() + " twice");
      conversation.lives.put(block.id(), Life.UNKNOWN);
    }
    return conversation;
  }

  /** A frame {@code {"event","seq","data"}} as it came over the wire; one with {@code firstSeq} stands for all from there on. */
  public EventFold applyFrame(JsonNode frame) {
    long last = frame.path("seq").asLong();
    long first = frame.path("firstSeq").asLong(last);
    check(first <= last, "a frame from " + first + " to " + last);
    apply(first, event(frame.path("event").asText(), frame.path("data")));
    seq = last;
    return this;
  }

  /** The next event; {@code next} must be the number after the last. */
  public EventFold apply(long next, SessionEvent event) {
    check(next == seq + 1, "event " + next + " came after " + seq);
    seq = next;
    fold(event);
    return this;
  }

  /** The next event, whatever its number. */
  public EventFold apply(SessionEvent event) {
    return apply(seq + 1, event);
  }

  /** A wire event as its record. */
  public static SessionEvent event(String name, JsonNode data) {
    check(EVENTS.containsKey(name), "there is no event " + name);
    return Json.to(data, EVENTS.get(name));
  }

  public long seq() {
    return seq;
  }

  /** @param conversationId {@code main} or a subagent's id */
  public List<Block> blocks(String conversationId) {
    return List.copyOf(known(conversationId).blocks.values());
  }

  public List<Block> blocks() {
    return blocks(SessionEvent.MAIN);
  }

  public List<SessionSnapshot.Subagent> subagents() {
    List<SessionSnapshot.Subagent> subagents = new ArrayList<>();
    conversations.forEach((id, conversation) -> {
      if (!id.equals(SessionEvent.MAIN)) {
        subagents.add(new SessionSnapshot.Subagent(id, conversation.name, conversation.status,
            List.copyOf(conversation.blocks.values())));
      }
    });
    return subagents;
  }

  /** Ids of the blocks that were started here and have not ended, in all conversations. */
  public Set<String> open() {
    Set<String> open = new HashSet<>();
    conversations.values().forEach(conversation -> conversation.lives.forEach((id, life) -> {
      if (life == Life.OPEN) {
        open.add(id);
      }
    }));
    return open;
  }

  public Map<String, WorkspaceFile> files() {
    return files;
  }

  public RuntimeState runtime() {
    return runtime;
  }

  public List<SessionEvent.TurnCompleted> completedTurns() {
    return completedTurns;
  }

  /** The state as the snapshot that the server should give at this sequence number. Needs a snapshot to have started from. */
  public SessionSnapshot snapshot() {
    SessionListItem item = new SessionListItem(session.sessionId(), session.type(), session.agentProfileReference(), name,
        session.createdAt(), lastActivity, options, metadata, runtime);
    return new SessionSnapshot(item, epoch, seq, blocks(), subagents(), List.copyOf(files.values()), usage);
  }

  private void fold(SessionEvent event) {
    switch (event) {
      case SessionEvent.BlockStart start -> start(known(start.conversationId()), start.block());
      case SessionEvent.BlockDelta delta -> delta(known(delta.conversationId()), delta);
      case SessionEvent.BlockUpdate update -> update(known(update.conversationId()), update);
      case SessionEvent.BlockComplete complete -> complete(known(complete.conversationId()), complete);
      case SessionEvent.BlockRemoved removed -> {
        Conversation conversation = open(known(removed.conversationId()), removed.blockId());
        conversation.blocks.remove(removed.blockId());
        conversation.lives.put(removed.blockId(), Life.ENDED);
      }
      case SessionEvent.StatusChanged status -> {
        runtime = status.runtime();
        lastActivity = runtime.turn() == null ? lastActivity : Math.max(lastActivity, runtime.turn().startedAt());
      }
      case SessionEvent.SessionUpdated updated -> {
        name = updated.name();
        metadata = updated.metadata();
      }
      case SessionEvent.MetadataUpdate update -> {
        known(update.conversationId());
        usage = update.conversationId().equals(SessionEvent.MAIN) ? update.metadata() : usage;
      }
      case SessionEvent.OptionsUpdate update -> options = update.options();
      case SessionEvent.TurnStarted started -> {
        check(turn == null, "turn " + started.turnId() + " started within turn " + turn);
        check(turns.add(started.turnId()), "turn " + started.turnId() + " started twice");
        turn = started.turnId();
      }
      case SessionEvent.TurnCompleted completed -> turnCompleted(completed);
      case SessionEvent.SubagentDiscovered discovered -> discovered(discovered.subagent());
      case SessionEvent.SubagentCompleted completed -> {
        Conversation conversation = known(completed.subagentId());
        check(conversation.status == SubagentStatus.RUNNING, "subagent " + completed.subagentId() + " completed twice");
        check(completed.status() != SubagentStatus.RUNNING, "a completed subagent runs");
        conversation.status = completed.status();
      }
      case SessionEvent.FileCreated created ->
          check(files.put(created.file().path(), created.file()) == null, created.file().path() + " was there already");
      case SessionEvent.FileModified modified ->
          check(files.put(modified.file().path(), modified.file()) != null, modified.file().path() + " was not there");
      case SessionEvent.FileDeleted deleted -> check(files.remove(deleted.path()) != null, deleted.path() + " was not there");
      case SessionEvent.ErrorEvent error -> check(error.code() != null && error.message() != null, "an error without words");
    }
  }

  private void start(Conversation conversation, Block block) {
    check(conversation.lives.put(block.id(), Life.OPEN) == null, "block " + block.id() + " started twice");
    conversation.blocks.put(block.id(), block);
  }

  private void delta(Conversation conversation, SessionEvent.BlockDelta event) {
    Block block = open(conversation, event.blockId()).blocks.get(event.blockId());
    check(block.streams(), "a delta for " + block);
    check(!event.delta().isEmpty(), "an empty delta for " + event.blockId());
    check(isWellFormed(event.delta()), "a delta ends within a character: " + event.blockId());
    conversation.blocks.put(event.blockId(), block.withText(block.text() + event.delta()));
  }

  private void update(Conversation conversation, SessionEvent.BlockUpdate event) {
    ObjectNode block = Json.toTree(open(conversation, event.blockId()).blocks.get(event.blockId()));
    check(!event.updates().has("id") && !event.updates().has("type"), "an update of what never changes: " + event);
    block.setAll(event.updates());
    conversation.blocks.put(event.blockId(), Json.to(block, Block.class));
  }

  private void complete(Conversation conversation, SessionEvent.BlockComplete event) {
    Block last = open(conversation, event.blockId()).blocks.get(event.blockId());
    Block block = event.block();
    check(block.id().equals(event.blockId()), "block " + event.blockId() + " completed as " + block.id());
    check(block.getClass() == last.getClass(), "block " + event.blockId() + " changed its type");
    check(block.timestamp().equals(last.timestamp()), "block " + event.blockId() + " changed its timestamp");
    if (block.streams()) {
      check(block.text().equals(last.text()), "block " + event.blockId() + " is not what was streamed");
    }
    conversation.blocks.put(event.blockId(), block);
    conversation.lives.put(event.blockId(), Life.ENDED);
  }

  private void turnCompleted(SessionEvent.TurnCompleted completed) {
    check(completed.turnId().equals(turn), "turn " + completed.turnId() + " completed while " + turn + " ran");
    check(open().isEmpty(), "turn " + turn + " left open " + open());
    check(completed.error() == null || !completed.error().isBlank(), "an error without words");
    completedTurns.add(completed);
    lastActivity = runtime == null || runtime.turn() == null ? lastActivity : runtime.turn().startedAt() + completed.durationMs();
    turn = null;
  }

  private void discovered(SessionEvent.SubagentDiscovered.Discovered subagent) {
    Conversation conversation = conversation(subagent.blocks());
    conversation.name = subagent.name();
    conversation.status = SubagentStatus.RUNNING;
    check(conversations.put(subagent.id(), conversation) == null, "subagent " + subagent.id() + " discovered twice");
  }

  private Conversation known(String conversationId) {
    check(conversations.containsKey(conversationId), "there is no conversation " + conversationId);
    return conversations.get(conversationId);
  }

  private static Conversation open(Conversation conversation, String blockId) {
    Life life = conversation.lives.get(blockId);
    check(life == Life.OPEN || life == Life.UNKNOWN, "block " + blockId + " is " + (life == null ? "not known" : "not open"));
    return conversation;
  }

  private static boolean isWellFormed(String text) {
    return text.codePoints().noneMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Class<? extends SessionEvent>> events() {
    Map<String, Class<? extends SessionEvent>> events = new HashMap<>();
    for (Class<?> type : SessionEvent.class.getPermittedSubclasses()) {
      Class<?>[] leaves = type.isSealed() ? type.getPermittedSubclasses() : new Class<?>[] {type};
      for (Class<?> leaf : leaves) {
        events.put(leaf.getAnnotation(JsonTypeName.class).value(), (Class<? extends SessionEvent>) leaf);
      }
    }
    return events;
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }
}
