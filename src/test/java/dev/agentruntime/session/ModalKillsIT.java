package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SandboxItem;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.support.CrashableServer;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import dev.agentruntime.support.TinyAgent;
import dev.agentruntime.support.modal.FakeModal;
import dev.agentruntime.support.toy.StoredEnds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * A server whose sandboxes are Modal's is killed again and again, at random moments: while it starts, takes up what was left, makes sandboxes,
 * runs turns, ends sandboxes of idle sessions. Whoever had no answer to a message sends it again, as a client does.
 */
@Execution(ExecutionMode.CONCURRENT)
class ModalKillsIT {

  private static final int KILLS = 50;
  private static final int SESSIONS = 3;
  private static final int MOST_MESSAGES = 3;
  private static final int MOST_MS = 1500;
  private static final int MOST_FRAMES = 60;
  private static final long SEED = Long.getLong("kills.seed", System.nanoTime());

  @TempDir
  Path directory;
  private final Random random = new Random(SEED);
  private final Map<String, String> settings = new HashMap<>();
  /** Those that were not refused, by session, in the order sent: text by message. */
  private final Map<String, Map<String, String>> sent = new LinkedHashMap<>();
  private final Set<String> unanswered = new HashSet<>();
  private final List<String> outcomes = new ArrayList<>();
  private FakeModal modal;

  @BeforeEach
  void start() throws IOException {
    modal = FakeModal.start(directory.resolve("modal"));
    settings.putAll(modal.settings());
    settings.put("AGENT_RUNTIME_PROFILES_DIR", TinyAgent.profiles(directory).toString());
    settings.put("AGENT_RUNTIME_SANDBOX_REATTACH_TIMEOUT_MS", "5000");
    settings.put("AGENT_RUNTIME_SANDBOX_SWEEP_INTERVAL_MS", "500");
    settings.put("AGENT_RUNTIME_IDLE_TIMEOUT_MS", "2000");
  }

  @AfterEach
  void stop() {
    modal.close();
  }

  private Path data() {
    return directory.resolve("data");
  }

  @Test
  void everyMessageEndsOnceAndNoSandboxIsLeft() {
    try (CrashableServer server = new CrashableServer(data(), null, settings)) {
      for (int i = 0; i < SESSIONS; i++) {
        sent.put(server.newSession(), new LinkedHashMap<>());
      }
    }
    CrashableServer next = CrashableServer.prepared(data(), settings);
    try {
      for (int kill = 0; kill < KILLS; kill++) {
        try (CrashableServer server = next) {
          server.start();
          next = CrashableServer.prepared(data(), settings);
          round(server, kill);
        }
      }
    } finally {
      next.close();
    }
    PersistenceAdapter[] store = new PersistenceAdapter[1];
    try (TestRuntime runtime = TestRuntime.start(data(), settings, own -> store[0] = own)) {
      sent.forEach((session, messages) -> assertEachEndedOnce(runtime, store[0], session, messages));
      // What an agent may have had and has not confirmed is not run again: few messages are ever in that state.
      assertThat(outcomes).as(seed()).filteredOn("success"::equals).hasSizeGreaterThan(outcomes.size() / 2);
      SandboxTraces.await(() -> modal.alive().isEmpty(), () -> seed() + " left when all sessions are idle: " + modal.alive());
      sent.keySet().forEach(session -> await(runtime.sessions().message(session, new SendMessage(MessageContent.of("slow 60 s"), null, null))));
      SandboxTraces.await(() -> modal.alive().size() == SESSIONS && await(runtime.sessions().sandboxes()).stream()
          .allMatch(sandbox -> sandbox.state() == SandboxItem.State.READY), () -> seed() + " owned by nobody: " + modal.alive());
      sent.keySet().forEach(session -> await(runtime.sessions().delete(session)));
      assertThat(await(runtime.sessions().sandboxes())).as(seed()).isEmpty();
      assertThat(modal.alive()).as(seed()).isEmpty();
    }
  }

  private static String seed() {
    return "-Dkills.seed=" + SEED;
  }

  private void round(CrashableServer server, int kill) {
    String session = List.copyOf(sent.keySet()).get(random.nextInt(SESSIONS));
    server.say("follow " + session);
    sent.forEach((owner, messages) -> unanswered(messages).forEach((messageId, text) -> server.sendOnly(owner, messageId, text)));
    for (int n = random.nextInt(MOST_MESSAGES); n >= 0; n--) {
      String name = "kill" + kill + "message" + n;
      String messageId = UUID.randomUUID().toString();
      sent.get(session).put(messageId, "say \"" + name + " and some more words\" every 15 ms; write " + name + ".txt: " + name);
      unanswered.add(messageId);
      server.sendOnly(session, messageId, sent.get(session).get(messageId));
    }
    switch (random.nextInt(5)) {
      case 0 -> pause();
      case 1, 2 -> {
        server.awaitReady();
        pause();
      }
      default -> awaitFrames(server, random.nextInt(MOST_FRAMES));
    }
    server.kill();
    unanswered.removeAll(server.accepted());
    unanswered.removeAll(server.refused());
    sent.values().forEach(messages -> messages.keySet().removeAll(server.refused()));
  }

  private Map<String, String> unanswered(Map<String, String> messages) {
    Map<String, String> left = new LinkedHashMap<>(messages);
    left.keySet().retainAll(unanswered);
    return left;
  }

  private void pause() {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(MOST_MS)));
  }

  /** Or until a turn has ended: there may be no more. */
  private static void awaitFrames(CrashableServer server, int count) {
    for (int i = 0; i < count; i++) {
      if (server.awaitFrame(frame -> true).contains("session:turn:completed")) {
        return;
      }
    }
  }

  private void assertEachEndedOnce(TestRuntime runtime, PersistenceAdapter store, String session, Map<String, String> messages) {
    Follower follower = runtime.follow(session);
    unanswered(messages).forEach((messageId, text) ->
        await(runtime.sessions().message(session, new SendMessage(MessageContent.of(text), messageId, null))));
    follower.awaitTurn(runtime.send(session, "say finished").turnId());
    await(runtime.sessions().sync(session));
    List<Block> blocks = follower.assertFoldIsSnapshot().blocks();
    List<String> asked = blocks.stream().filter(Block.UserMessage.class::isInstance).map(Block::id).toList();
    assertThat(asked.subList(0, asked.size() - 1)).as(seed()).isEqualTo(List.copyOf(messages.keySet()));
    Map<String, String> ends = new LinkedHashMap<>();
    for (JsonNode end : StoredEnds.of(store, session)) {
      assertThat(ends.put(end.path("messageId").asText(), end.path("outcome").asText())).as(seed() + " a second end " + end).isNull();
    }
    assertThat(List.copyOf(ends.keySet())).as(seed()).isEqualTo(asked);
    List<String> texts = blocks.stream().filter(Block.AssistantText.class::isInstance).map(Block::text).toList();
    messages.forEach((messageId, text) -> {
      long answers = texts.stream().filter(answer -> text.contains('"' + answer + '"')).count();
      assertThat(answers).as(seed() + " " + text).isBetween(ends.get(messageId).equals("success") ? 1L : 0L, 1L);
    });
    outcomes.addAll(ends.values());
  }
}
