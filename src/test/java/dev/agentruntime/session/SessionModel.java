package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SandboxItem;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TroubledStore;
import dev.agentruntime.support.TroubledStore.Trouble;
import dev.agentruntime.support.toy.StoredEnds;
import dev.agentruntime.support.toy.ToyServer;
import dev.agentruntime.support.toy.ToyWorld;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** One session on servers that come and go, and what has to be true of it in the end. */
final class SessionModel implements AutoCloseable {

  /** @param before ids of those that were answered before it was sent */
  private record Sent(String id, String text, Future<Accepted> answer, Set<String> before) {}

  private final ToyWorld world = new ToyWorld(false);
  private final InMemoryPersistence memory = ToyServer.store();
  private final TroubledStore store = new TroubledStore(memory);
  private final List<Sent> sent = new ArrayList<>();
  private final Set<String> repeated = new HashSet<>();
  /** What the server that is there now has not answered, maybe. */
  private List<Future<?>> asked = new ArrayList<>();
  private final Map<String, Future<Boolean>> writes = new HashMap<>();
  private final List<Follower> followers = new ArrayList<>();
  /** Those that were killed are closed last: what is cut short by that is none of their doing. */
  private final List<ToyServer> servers = new ArrayList<>(List.of(new ToyServer(world, store.adapter())));
  private ToyServer server = servers.getFirst();
  private final String session = server.newSession();
  private Trouble trouble = Trouble.NONE;

  SessionModel() {
    follow();
  }

  private void follow() {
    followers.add(server.follow(session));
  }

  void run(ModelCommand command) {
    switch (command) {
      case ModelCommand.Send send -> {
        String id = UUID.randomUUID().toString();
        sent.add(new Sent(id, send.text(), server.send(session, send.text(), id, send.whenBusy()), accepted()));
        asked.add(sent.getLast().answer());
      }
      case ModelCommand.Repeat repeat -> {
        if (!sent.isEmpty()) {
          repeated.add(sent.getLast().id());
          asked.add(server.send(session, sent.getLast().text(), sent.getLast().id(), null));
        }
      }
      case ModelCommand.Interrupt interrupt -> asked.add(server.sessions.interrupt(session));
      case ModelCommand.Unload unload -> asked.add(server.sessions.unload(session));
      case ModelCommand.Get get -> follow();
      case ModelCommand.Sync sync -> asked.add(server.sessions.sync(session));
      case ModelCommand.SetModel model -> asked.add(server.sessions.options(session, Json.object().put("model", model.model())));
      case ModelCommand.WriteFile write -> {
        String path = "file" + writes.size();
        writes.put(path, server.sessions.writeFile(session, path, Buffer.buffer("content")));
        asked.add(writes.get(path));
      }
      case ModelCommand.AwaitAnswers answers -> {
        if (trouble == Trouble.NONE) {
          awaitAnswers();
        }
      }
      case ModelCommand.AwaitTurn turn -> awaitTurn();
      case ModelCommand.Store change -> {
        trouble = change.trouble();
        store.set(trouble);
      }
      case ModelCommand.KillAgents kill -> world.killAgents();
      case ModelCommand.LoseSandboxes lose -> world.loseSandboxes();
      case ModelCommand.KillServer kill -> next();
      case ModelCommand.StopServer stop -> {
        repairStore();
        await(server.sessions.shutdown());
        next();
      }
    }
  }

  private void next() {
    server.kill();
    asked = new ArrayList<>();
    servers.add(new ToyServer(world, store.adapter()));
    server = servers.getLast();
    follow();
  }

  private void repairStore() {
    trouble = Trouble.NONE;
    store.set(trouble);
  }

  private void awaitAnswers() {
    SandboxTraces.await(() -> asked.stream().allMatch(Future::isComplete), () -> "no answer");
  }

  private void awaitTurn() {
    RuntimeState.Turn turn = snapshot().session().runtime().turn();
    if (trouble == Trouble.NONE && turn != null && turn.messageId() != null
        && !Set.of("hang", "silent").contains(text(turn.messageId()))) {
      SandboxTraces.await(() -> ends().contains(turn.turnId()), () -> "a turn goes on for ever: " + snapshot());
    }
  }

  private String text(String messageId) {
    return sent.stream().filter(message -> message.id().equals(messageId)).findFirst().orElseThrow().text();
  }

  private Set<String> accepted() {
    return sent.stream().filter(message -> message.answer().succeeded()).map(Sent::id).collect(Collectors.toSet());
  }

  private List<String> ends() {
    return StoredEnds.of(memory, session).stream().map(end -> end.path("turnId").asText()).toList();
  }

  private SessionSnapshot snapshot() {
    return Follower.snapshot(await(server.sessions.get(session)));
  }

  /** Lets everything come to its end, and looks at what has become of it. */
  void assertAllEnded() {
    repairStore();
    awaitAnswers();
    SandboxTraces.await(() -> {
      RuntimeState state = snapshot().session().runtime();
      if (state.turn() != null) {
        await(server.sessions.interrupt(session));
      }
      return state.turn() == null && state.queued() == 0;
    }, () -> "it never ends: " + snapshot());
    await(server.sessions.sync(session));
    followers.forEach(follower -> assertThat(follower.fold().completedTurns()).doesNotHaveDuplicates());
    follow();
    SessionSnapshot shown = followers.getLast().assertFoldIsSnapshot();
    assertRunOnceInOrder(shown);
    assertEndedOnce(shown);
    assertShownAgain(shown);
    assertAnsweredTheSame();
    await(server.sessions.delete(session));
    assertNoSandboxIsOwned();
  }

  private void assertRunOnceInOrder(SessionSnapshot shown) {
    List<String> messages = shown.blocks().stream().filter(Block.UserMessage.class::isInstance).map(Block::id).toList();
    assertThat(messages).doesNotHaveDuplicates().containsAll(accepted());
    assertThat(world.received()).doesNotHaveDuplicates();
    assertThat(messages).containsAll(world.received());
    assertThat(messages.stream().filter(world.received()::contains)).as("order of delivery").isEqualTo(world.received());
    for (Sent message : sent) {
      if (refused(message) && !repeated.contains(message.id())) {
        assertThat(messages).doesNotContain(message.id());
      }
      message.before().stream().filter(before -> messages.contains(message.id()))
          .forEach(before -> assertThat(messages.indexOf(before)).isLessThan(messages.indexOf(message.id())));
    }
  }

  /** For good, and not because nobody knows. */
  private static boolean refused(Sent message) {
    return message.answer().failed() && message.answer().cause() instanceof ApiException refusal
        && Set.of(ErrorCode.SESSION_BUSY, ErrorCode.QUEUE_FULL).contains(refusal.code());
  }

  private void assertEndedOnce(SessionSnapshot shown) {
    List<JsonNode> ends = StoredEnds.of(memory, session);
    assertThat(ends).extracting(end -> end.path("turnId").asText()).doesNotHaveDuplicates();
    assertThat(ends.stream().map(end -> end.path("messageId")).filter(JsonNode::isTextual).map(JsonNode::asText).toList())
        .isEqualTo(shown.blocks().stream().filter(Block.UserMessage.class::isInstance).map(Block::id).toList());
    assertThat(ends).extracting(end -> end.path("turnId").asText())
        .containsAll(sent.stream().filter(message -> message.answer().succeeded()).map(message -> message.answer().result().turnId()).toList());
  }

  private void assertShownAgain(SessionSnapshot shown) {
    await(server.sessions.unload(session));
    SessionSnapshot again = snapshot();
    assertThat(again.blocks()).isEqualTo(shown.blocks());
    assertThat(written(again)).isEqualTo(written(shown));
    assertThat(again.session().sessionOptions()).isEqualTo(shown.session().sessionOptions());
  }

  /** One whose writing was not confirmed may be there or not. */
  private List<WorkspaceFile> written(SessionSnapshot snapshot) {
    return snapshot.workspaceFiles().stream().filter(file -> writes.get(file.path()).succeeded()).toList();
  }

  private void assertAnsweredTheSame() {
    Set<String> before = new HashSet<>(world.received());
    sent.stream().filter(message -> message.answer().succeeded()).forEach(message ->
        assertThat(await(server.send(session, "say it again", message.id(), null))).isEqualTo(message.answer().result()));
    assertThat(world.received()).hasSameSizeAs(before);
  }

  private void assertNoSandboxIsOwned() {
    assertThat(await(server.sessions.sandboxes())).allMatch(item -> item.state() == SandboxItem.State.ORPHANED);
  }

  @Override
  public void close() {
    servers.forEach(ToyServer::close);
  }
}
