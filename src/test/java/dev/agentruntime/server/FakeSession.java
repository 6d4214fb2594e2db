package dev.agentruntime.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.CallStatus;
import dev.agentruntime.protocol.FrameEncoder;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.Position;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionListItem;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.session.Joined;
import dev.agentruntime.session.WritableLog;
import dev.agentruntime.support.EventFold;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/** A session with a real log and random contents, whose state is the fold of its events. */
final class FakeSession {

  static final String ID = "3f0c3a52-7c1e-4a55-9d0e-0c6f6f2f8a10";

  private final Random random;
  private final int logBytes;
  private final Consumer<LifecycleEvent> lifecycle;
  private final FrameEncoder encoder = new FrameEncoder(ID);
  private final List<String> open = new ArrayList<>();
  private SessionSnapshot stored = new SessionSnapshot(
      new SessionListItem(ID, "claude-agent-sdk", "demo", null, 1, 1, Json.object(), null, RuntimeState.UNLOADED),
      "e0", 0, List.of(), List.of(), List.of(), null);
  private EventFold state;
  private WritableLog log;
  private int blocks;
  private int epochs;
  private boolean deleted;
  int joins;

  FakeSession(long seed, int logBytes, Consumer<LifecycleEvent> lifecycle) {
    this.random = new Random(seed);
    this.logBytes = logBytes;
    this.lifecycle = lifecycle;
  }

  SessionSnapshot snapshot() {
    return state == null ? stored : state.snapshot();
  }

  Future<Joined> join(Position since) {
    joins++;
    if (deleted) {
      return Future.failedFuture(ApiException.sessionNotFound(ID));
    }
    load();
    if (since != null && since.epoch().equals(log.log.epoch()) && log.log.holdsAfter(since.seq())) {
      return Future.succeededFuture(new Joined(log.log, since.seq(), true, null, null));
    }
    return Future.succeededFuture(new Joined(log.log, state.seq(), false, Json.bytes(state.snapshot()), state.snapshot()));
  }

  void load() {
    if (log == null) {
      log = new WritableLog(ID, "e" + ++epochs, logBytes);
      state = new EventFold(new SessionSnapshot(stored.session(), log.log.epoch(), 0, stored.blocks(), stored.subagents(),
          stored.workspaceFiles(), stored.usage()));
      lifecycle.accept(new LifecycleEvent.Loaded(ID));
    }
  }

  void unload() {
    if (log != null) {
      while (!open.isEmpty()) {
        complete(0);
      }
      stored = state.snapshot();
      log.close();
      log = null;
      state = null;
      lifecycle.accept(new LifecycleEvent.Unloaded(ID));
    }
  }

  void delete() {
    unload();
    deleted = true;
    lifecycle.accept(new LifecycleEvent.Deleted(ID));
  }

  /** Some events, as an agent makes them: mostly deltas. */
  void work(int events) {
    load();
    for (int i = 0; i < events; i++) {
      int dice = random.nextInt(20);
      if (open.isEmpty() || dice == 0) {
        start();
      } else if (dice < 15) {
        delta(random.nextInt(open.size()));
      } else if (dice < 18) {
        update(random.nextInt(open.size()));
      } else if (dice < 19) {
        complete(random.nextInt(open.size()));
      } else {
        add(new SessionEvent.OptionsUpdate(Json.object().put("n", random.nextInt())));
      }
    }
  }

  private void start() {
    String id = "b" + ++blocks;
    open.add(id);
    Block block = random.nextBoolean()
        ? new Block.AssistantText(id, "2025-10-30T10:26:42Z", "", null)
        : new Block.ToolUse(id, "2025-10-30T10:26:42Z", "Write", id, Json.object(), CallStatus.PENDING, null, null);
    add(new SessionEvent.BlockStart(SessionEvent.MAIN, block));
  }

  private Block block(int index) {
    String id = open.get(index);
    return state.blocks().stream().filter(block -> block.id().equals(id)).findFirst().orElseThrow();
  }

  private void delta(int index) {
    Block block = block(index);
    if (block.streams()) {
      String[] texts = {"word ", "é", "\"quoted\"", "🙂", "a longer piece of text than the others have "};
      add(new SessionEvent.BlockDelta(SessionEvent.MAIN, block.id(), texts[random.nextInt(texts.length)]));
    } else {
      update(index);
    }
  }

  private void update(int index) {
    Block block = block(index);
    ObjectNode updates = Json.object();
    if (block instanceof Block.AssistantText) {
      updates.put("model", "m" + random.nextInt(3));
    } else if (random.nextBoolean()) {
      updates.put("status", "running");
    } else {
      updates.putObject("input").put("k" + random.nextInt(3), random.nextInt());
    }
    add(new SessionEvent.BlockUpdate(SessionEvent.MAIN, block.id(), updates));
  }

  private void complete(int index) {
    Block block = block(index);
    open.remove(index);
    add(new SessionEvent.BlockComplete(SessionEvent.MAIN, block.id(), block));
  }

  void add(SessionEvent event) {
    state.apply(event);
    log.append(encoder.encode(state.seq(), event));
  }
}
