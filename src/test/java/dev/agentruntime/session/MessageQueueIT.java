package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.WhenBusy;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.TestRuntime;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Messages wait, are refused or interrupt; each runs once, in the order accepted. */
class MessageQueueIT {

  @TempDir
  static Path directory;
  static TestRuntime runtime;

  @BeforeAll
  static void start() {
    runtime = TestRuntime.start(directory, Map.of());
  }

  @AfterAll
  static void stop() {
    runtime.close();
  }

  @Test
  void sixteenMessagesWaitAndRunInOrder() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted running = runtime.send(session, "silent");
    List<Accepted> waiting = new ArrayList<>();
    for (int i = 1; i <= 16; i++) {
      waiting.add(runtime.send(session, "say n" + i));
      assertThat(waiting.getLast().queued()).isEqualTo(i);
    }
    assertRefused(ErrorCode.QUEUE_FULL, send(session, "say one too many", null, WhenBusy.ENQUEUE));
    assertThat(follower.await(SessionEvent.StatusChanged.class, e -> e.runtime().queued() == 16).runtime().turn().turnId())
        .isEqualTo(running.turnId());

    await(runtime.sessions().interrupt(session));
    follower.awaitTurn(waiting.getLast().turnId());

    List<String> order = new ArrayList<>(List.of(running.turnId()));
    waiting.forEach(accepted -> order.add(accepted.turnId()));
    assertThat(follower.fold().completedTurns()).extracting(SessionEvent.TurnCompleted::turnId).isEqualTo(order);
    assertThat(follower.fold().completedTurns()).extracting(SessionEvent.TurnCompleted::outcome)
        .startsWith(TurnOutcome.INTERRUPTED).endsWith(TurnOutcome.SUCCESS).containsOnlyOnce(TurnOutcome.INTERRUPTED);
    assertThat(follower.fold().runtime().queued()).isZero();
    assertThat(said(follower)).isEqualTo(List.of("n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11", "n12", "n13", "n14",
        "n15", "n16"));
  }

  @Test
  void aBusySessionRefusesWhoAsksForThat() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted running = runtime.send(session, "silent");
    assertRefused(ErrorCode.SESSION_BUSY, send(session, "say no", null, WhenBusy.REJECT));
    await(runtime.sessions().interrupt(session));
    follower.awaitTurn(running.turnId());
    follower.await(SessionEvent.StatusChanged.class, e -> e.runtime().turn() == null && e.runtime().queued() == 0);

    Accepted taken = await(send(session, "say yes", null, WhenBusy.REJECT));
    assertThat(follower.awaitTurn(taken.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(said(follower)).isEqualTo(List.of("yes"));
  }

  @Test
  void aMessageThatInterruptsRunsNext() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Accepted running = runtime.send(session, "say 1000 deltas every 20 ms");
    follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("word3"));
    Accepted next = await(send(session, "say instead", null, WhenBusy.INTERRUPT));

    assertThat(follower.awaitTurn(next.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.awaitTurn(running.turnId()).outcome()).isEqualTo(TurnOutcome.INTERRUPTED);
    assertThat(follower.fold().blocks().getLast().text()).isEqualTo("instead");
  }

  @Test
  void aMessageInterruptsAlsoOneThatHasHardlyCome() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    Future<Accepted> first = send(session, "silent", null, null);
    Accepted next = await(send(session, "say instead", null, WhenBusy.INTERRUPT));

    assertThat(follower.awaitTurn(next.turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(follower.awaitTurn(await(first).turnId()).outcome()).isEqualTo(TurnOutcome.INTERRUPTED);
  }

  @Test
  void aMessageIdIsAnsweredTheSameAndRunsOnce() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    String id = UUID.randomUUID().toString();
    Future<Accepted> once = send(session, "say once", id, null);
    Future<Accepted> meanwhile = send(session, "say once", id.toUpperCase(Locale.ROOT), null);
    Accepted accepted = await(once);
    assertThat(await(meanwhile)).isEqualTo(accepted);
    follower.awaitTurn(accepted.turnId());
    assertThat(await(send(session, "say something else", id, WhenBusy.INTERRUPT))).isEqualTo(accepted);

    await(runtime.sessions().unload(session));
    assertThat(await(send(session, "say once", id.toUpperCase(Locale.ROOT), null))).isEqualTo(accepted);
    Follower later = runtime.follow(session);
    later.awaitTurn(runtime.send(session, "say last").turnId());
    assertThat(said(later)).isEqualTo(List.of("once", "last"));
    assertThat(later.fold().completedTurns()).hasSize(1);
  }

  /** Its own block could not be shown. */
  @Test
  void aMessageIdThatAnotherBlockHasIsRefused() {
    String session = runtime.newSession();
    Follower follower = runtime.follow(session);
    follower.awaitTurn(runtime.send(session, "retry").turnId());
    String taken = follower.fold().blocks().stream().filter(Block.SystemNote.class::isInstance).findFirst().orElseThrow().id();
    assertRefused(ErrorCode.CONFLICT, send(session, "say hello", taken, null));
    await(runtime.sessions().unload(session));
    assertRefused(ErrorCode.CONFLICT, send(session, "say hello", taken, null));
  }

  private static Future<Accepted> send(String session, String text, String messageId, WhenBusy whenBusy) {
    return runtime.sessions().message(session, new SendMessage(MessageContent.of(text), messageId, whenBusy));
  }

  private static void assertRefused(ErrorCode code, Future<?> answer) {
    assertThatThrownBy(() -> await(answer)).isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private static List<String> said(Follower follower) {
    return follower.fold().blocks().stream().filter(Block.AssistantText.class::isInstance).map(Block::text).toList();
  }
}
