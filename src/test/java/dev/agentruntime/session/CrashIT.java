package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.CrashableServer;
import dev.agentruntime.support.EventFold;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.toy.StoredEnds;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Servers are killed, and what they leave is taken up by the next on the same data: nothing is lost, and nothing happens twice. */
@Execution(ExecutionMode.CONCURRENT)
class CrashIT {

  private static final Map<String, String> SETTINGS = Map.of("AGENT_RUNTIME_SANDBOX_REATTACH_TIMEOUT_MS", "3000");
  private static final String LONG_TEXT = "say 120 deltas every 20 ms";
  private static final int RANDOM_KILLS = 5;

  @TempDir
  Path directory;
  private SandboxTraces traces;

  @BeforeEach
  void look() {
    traces = new SandboxTraces(directory);
  }

  @AfterEach
  void nothingIsLeft() {
    traces.awaitNothing();
  }

  private static String words(int count) {
    return IntStream.range(0, count).mapToObj(i -> "word" + i + " ").collect(Collectors.joining());
  }

  private static String id() {
    return UUID.randomUUID().toString();
  }

  private record Running(String session, String turn) {}

  /** Until some of it was told. */
  private static Running sayLongText(CrashableServer server) {
    String session = server.newSession();
    server.follow(session);
    String turn = server.send(session, id(), LONG_TEXT);
    server.awaitFrame(frame -> frame.contains("\"word9 \""));
    return new Running(session, turn);
  }

  @Test
  void anAgentThatStillRunsGoesOnMidText() {
    try (CrashableServer server = new CrashableServer(directory, null)) {
      Running running = sayLongText(server);
      server.kill();
      assertPickedUp(server, running);
    }
  }

  /** The text is told of, and then the journal has it, and that is the end of the server. */
  @Test
  void aBlockThatIsReadAgainKeepsItsTime() {
    try (CrashableServer server = new CrashableServer(directory, "\"block\":\"msg_")) {
      String session = server.newSession();
      server.follow(session);
      server.send(session, id(), LONG_TEXT);
      server.awaitEnd();
      List<Block> told = told(server);
      assertThat(texts(told)).singleElement().asString().doesNotContain("word119");
      try (TestRuntime runtime = TestRuntime.start(directory, SETTINGS)) {
        Follower follower = runtime.follow(session);
        SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> "the turn runs on");
        assertThat(texts(follower.fold().blocks())).containsExactly(words(120));
        assertThat(follower.fold().blocks()).extracting(Block::id, Block::timestamp)
            .containsAll(told.stream().map(block -> tuple(block.id(), block.timestamp())).toList());
        assertThat(await(runtime.sessions().unload(session))).isNull();
        assertThat(runtime.follow(session).start.blocks()).isEqualTo(follower.fold().blocks());
      }
    }
  }

  @Test
  void aServerThatIsStoppedInOrderHandsTheTurnOver() {
    try (CrashableServer server = new CrashableServer(directory, null)) {
      Running running = sayLongText(server);
      server.terminate();
      assertThat(traces.processes("DemoAgent")).isNotEmpty();
      assertPickedUp(server, running);
    }
  }

  private void assertPickedUp(CrashableServer before, Running running) {
    try (TestRuntime runtime = TestRuntime.start(directory, SETTINGS)) {
      Follower follower = runtime.follow(running.session());
      SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> running + " goes on");
      assertThat(follower.fold().completedTurns()).hasSizeLessThanOrEqualTo(1).allMatch(ended -> ended.outcome() == TurnOutcome.SUCCESS);
      assertThat(follower.fold().blocks()).noneMatch(Block.ErrorNote.class::isInstance);
      assertKeeps(before, follower);
      assertThat(texts(follower.fold().blocks())).containsExactly(words(120));
      follower.assertFoldIsSnapshot();
      assertThat(follower.awaitTurn(runtime.send(running.session(), "recall").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      assertThat(follower.fold().blocks().getLast().text()).contains(LONG_TEXT);
    }
  }

  /** An agent may have put a link in its workspace' place. */
  @Test
  void anAgentWhoseWorkspaceCannotBeLookedAtGoesOn() throws IOException {
    try (CrashableServer server = new CrashableServer(directory, null)) {
      Running running = sayLongText(server);
      server.kill();
      Path workspace = traces.directories().getFirst().resolve("workspace");
      Files.move(workspace, workspace.resolveSibling("moved"));
      Files.createSymbolicLink(workspace, Path.of("moved"));
      try (TestRuntime runtime = TestRuntime.start(directory, SETTINGS)) {
        Follower follower = runtime.follow(running.session());
        SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> running + " goes on");
        assertThat(follower.fold().blocks()).noneMatch(Block.ErrorNote.class::isInstance);
        assertThat(texts(follower.fold().blocks())).containsExactly(words(120));
        await(runtime.sessions().unload(running.session()));
      }
    }
  }

  @Test
  void anAgentThatWasKilledTooIsAnErrorThatSaysSo() {
    try (CrashableServer server = new CrashableServer(directory, null)) {
      Running running = sayLongText(server);
      server.kill();
      traces.kill("DemoAgent");
      try (TestRuntime runtime = TestRuntime.start(directory, SETTINGS)) {
        Follower follower = runtime.follow(running.session());
        SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> running + " goes on");
        assertKeeps(server, follower);
        assertThat(follower.fold().blocks()).last().isInstanceOfSatisfying(Block.ErrorNote.class,
            note -> assertThat(note.message()).containsIgnoringCase("agent"));
        assertThat(follower.awaitTurn(runtime.send(running.session(), "say on").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      }
    }
  }

  @Test
  void aTurnWhoseEndWasToldDoesNotEndAgainWithoutItsSandbox() throws IOException {
    try (CrashableServer server = new CrashableServer(directory, null)) {
      String session = server.newSession();
      server.follow(session);
      server.say("die-once-told session:turn:completed");
      server.say("send " + session + " " + id() + " say all of it");
      server.awaitEnd();
      traces.kill("DemoAgent");
      Files.move(directory.resolve("sandboxes"), directory.resolve("moved"));
      PersistenceAdapter[] store = new PersistenceAdapter[1];
      try (TestRuntime runtime = TestRuntime.start(directory, SETTINGS, own -> store[0] = own)) {
        assertThat(texts(runtime.follow(session).start.blocks())).containsExactly("all of it");
        await(runtime.sessions().sync(session));
        assertThat(StoredEnds.of(store[0], session)).extracting(end -> end.path("outcome").asText()).containsExactly("success");
      }
    }
  }

  @Test
  void aMessageThatWasAcceptedAndNotDeliveredRunsOnce() {
    try (CrashableServer server = new CrashableServer(directory, "\"k\":\"accepted\"")) {
      String session = server.newSession();
      String messageId = id();
      server.say("send " + session + " " + messageId + " say only once");
      server.awaitEnd();
      try (TestRuntime runtime = TestRuntime.start(directory, SETTINGS)) {
        assertRanOnce(runtime, session, "only once");
      }
    }
  }

  @Test
  void aMessageWhoseTurnHadBegunButWasNotDeliveredRunsOnce() {
    try (CrashableServer server = new CrashableServer(directory, "\"k\":\"delivered\"")) {
      String session = server.newSession();
      server.say("send " + session + " " + id() + " say maybe never");
      server.awaitEnd();
      try (TestRuntime runtime = TestRuntime.start(directory, SETTINGS)) {
        Follower follower = runtime.follow(session);
        SandboxTraces.await(() -> follower.assertFoldIsSnapshot().session().runtime().turn() == null, () -> "the turn runs on");
        assertThat(follower.fold().blocks()).last().isInstanceOf(Block.ErrorNote.class);
        assertThat(texts(follower.fold().blocks())).isEmpty();
        assertThat(follower.awaitTurn(runtime.send(session, "say on").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
        assertThat(texts(follower.fold().blocks())).containsExactly("on");
      }
    }
  }

  @Test
  void messagesThatWaitedRunInOrder() {
    try (CrashableServer server = new CrashableServer(directory, null)) {
      String session = server.newSession();
      server.follow(session);
      server.send(session, id(), LONG_TEXT);
      for (int i = 0; i < 4; i++) {
        server.send(session, id(), "say n" + i);
      }
      server.awaitFrame(frame -> frame.contains("\"word9 \""));
      server.kill();
      try (TestRuntime runtime = TestRuntime.start(directory, SETTINGS)) {
        Follower follower = runtime.follow(session);
        follower.awaitTurn(runtime.send(session, "say last").turnId());
        assertThat(texts(follower.fold().blocks())).containsExactly(words(120), "n0", "n1", "n2", "n3", "last");
        assertKeeps(server, follower);
      }
    }
  }

  /** One that dies between noting that it sends a message and sending it leaves a turn that ends with an error that says so. */
  @Test
  void killsAtAnyMomentLoseAndDoubleNothing() {
    Random random = new Random(20_261_123);
    List<String> said = new ArrayList<>();
    List<String> messages = new ArrayList<>();
    String session = null;
    for (int i = 0; i < RANDOM_KILLS; i++) {
      try (CrashableServer server = new CrashableServer(directory, null)) {
        session = session == null ? server.newSession() : session;
        server.follow(session);
        for (int n = random.nextInt(3); n >= 0; n--) {
          String text = "kill" + i + "message" + n;
          messages.add(id());
          server.send(session, messages.getLast(), "say \"" + text + " and some more words\" every 15 ms; write " + text + ".txt: " + text);
          said.add(text + " and some more words");
        }
        for (int frames = random.nextInt(45); frames > 0; frames--) {
          server.awaitFrame(frame -> true);
        }
        server.kill();
      }
    }
    try (TestRuntime runtime = TestRuntime.start(directory, Map.of())) {
      Follower follower = runtime.follow(session);
      follower.awaitTurn(runtime.send(session, "say finished").turnId());
      SessionSnapshot shown = follower.assertFoldIsSnapshot();
      said.add("finished");
      messages.add(shown.blocks().stream().filter(Block.UserMessage.class::isInstance).map(Block::id).toList().getLast());

      assertThat(shown.blocks().stream().filter(Block.UserMessage.class::isInstance).map(Block::id)).isEqualTo(messages);
      List<String> neverSent = new ArrayList<>();
      for (int i = 0; i < messages.size(); i++) {
        List<Block> turn = turn(messages.get(i), shown.blocks());
        if (turn.stream().anyMatch(Block.ErrorNote.class::isInstance)) {
          neverSent.add(said.get(i));
          assertThat(turn).singleElement().isInstanceOfSatisfying(Block.ErrorNote.class,
              note -> assertThat(note.message()).contains("before the agent confirmed this message"));
        } else {
          assertThat(texts(turn).stream().filter(text -> !text.equals("Done."))).containsExactly(said.get(i));
        }
      }
      assertThat(neverSent).hasSizeLessThanOrEqualTo(RANDOM_KILLS);
      assertThat(shown.blocks()).extracting(Block::id).doesNotHaveDuplicates();
      assertThat(shown.workspaceFiles()).hasSize(said.size() - 1 - neverSent.size());
      await(runtime.sessions().unload(session));
      assertThat(runtime.follow(session).start.blocks()).isEqualTo(shown.blocks());
    }
  }

  /** What follows on a message, up to the next. */
  private static List<Block> turn(String messageId, List<Block> blocks) {
    return blocks.stream().dropWhile(block -> !block.id().equals(messageId)).skip(1)
        .takeWhile(block -> !(block instanceof Block.UserMessage)).toList();
  }

  private void assertRanOnce(TestRuntime runtime, String session, String text) {
    Follower follower = runtime.follow(session);
    follower.awaitTurn(runtime.send(session, "recall").turnId());
    assertThat(texts(follower.fold().blocks())).first().isEqualTo(text);
    assertThat(texts(follower.fold().blocks())).filteredOn(said -> said.equals(text)).hasSize(1);
    assertThat(follower.fold().blocks()).filteredOn(Block.UserMessage.class::isInstance).hasSize(2);
    assertThat(follower.fold().blocks()).noneMatch(Block.ErrorNote.class::isInstance);
  }

  /** Every block that the killed server told of is there, with the same id, and at least the text that it had. */
  static void assertKeeps(CrashableServer before, Follower after) {
    Map<String, String> now = after.fold().blocks().stream().collect(Collectors.toMap(Block::id, Block::text));
    for (Block block : told(before)) {
      assertThat(now).containsKey(block.id());
      assertThat(now.get(block.id())).startsWith(block.text());
    }
  }

  private static List<Block> told(CrashableServer before) {
    EventFold told = new EventFold();
    for (String frame : before.frames()) {
      try {
        told.applyFrame(Json.tree(frame));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return told.blocks();
  }

  static List<String> texts(List<Block> blocks) {
    return blocks.stream().filter(Block.AssistantText.class::isInstance).map(Block::text).toList();
  }
}
