package dev.agentruntime.persistence;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real store goes away in the middle of turns, and comes back: clients see no gap, and a later runtime shows everything. */
@Timeout(300)
public abstract class StoreOutageContract {

  private static final int SESSIONS = 5;
  private static final String TURN = "say go; slow 2 s; " + "fail; ".repeat(20) + "write a.txt: kept; say to the end";

  @TempDir
  Path directory;

  private Map<String, String> settings;
  private TestRuntime runtime;
  private final List<String> sessions = new ArrayList<>();
  private final List<Follower> followers = new ArrayList<>();

  /** What happens to the store. */
  protected interface Step {
    void run() throws Exception;
  }

  /** Makes the store. @return the settings that name it, as variables */
  protected abstract Map<String, String> open() throws Exception;

  /** Ends what was made. */
  protected abstract void end() throws Exception;

  @BeforeEach
  void start() throws Exception {
    settings = new HashMap<>(Map.of("AGENT_RUNTIME_SYNC_INTERVAL_MS", "300", "AGENT_RUNTIME_STORE_TIMEOUT_MS", "5000"));
    settings.putAll(open());
    runtime = TestRuntime.start(directory, settings);
    for (int i = 0; i < SESSIONS; i++) {
      sessions.add(runtime.newSession());
      followers.add(runtime.follow(sessions.get(i)));
    }
  }

  @AfterEach
  void stop() throws Exception {
    runtime.close();
    end();
    new SandboxTraces(directory).awaitNothing();
  }

  protected final void outage(Step goes, Step comesBack) throws Exception {
    List<Accepted> accepted = sessions.stream().map(session -> runtime.send(session, TURN)).toList();
    followers.forEach(follower -> follower.await(SessionEvent.BlockDelta.class, delta -> delta.delta().startsWith("go")));
    goes.run();
    for (int i = 0; i < SESSIONS; i++) {
      assertThat(followers.get(i).awaitTurn(accepted.get(i).turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      followers.get(i).await(SessionEvent.ErrorEvent.class, error -> error.code() == ErrorCode.STORE_FAILED);
    }
    assertThat(await(runtime.sessions().readiness())).anyMatch(problem -> problem.contains("could not be saved"));
    assertThatThrownBy(() -> runtime.send(sessions.getFirst(), "say never")).isInstanceOfSatisfying(ApiException.class,
        e -> assertThat(e.code()).isEqualTo(ErrorCode.STORE_FAILED));

    comesBack.run();
    SandboxTraces.await(() -> await(runtime.sessions().readiness()).isEmpty(), () -> await(runtime.sessions().readiness()).toString());
    List<List<Block>> shown = new ArrayList<>();
    for (int i = 0; i < SESSIONS; i++) {
      Follower follower = followers.get(i);
      assertThat(follower.awaitTurn(runtime.send(sessions.get(i), "say and on").turnId()).outcome()).isEqualTo(TurnOutcome.SUCCESS);
      shown.add(follower.assertFoldIsSnapshot().blocks());
      assertThat(shown.get(i).stream().filter(Block.AssistantText.class::isInstance).map(Block::text)).containsExactly("go", "to the end", "and on");
    }
    runtime.close();
    runtime = TestRuntime.start(directory, settings);
    for (int i = 0; i < SESSIONS; i++) {
      assertThat(runtime.follow(sessions.get(i)).start.blocks()).isEqualTo(shown.get(i));
      assertThat(new String(await(runtime.sessions().readFile(sessions.get(i), "a.txt", 0, 100)).getBytes())).isEqualTo("kept");
    }
  }
}
