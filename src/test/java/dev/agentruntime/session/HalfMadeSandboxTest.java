package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.SendMessage.Accepted;
import io.vertx.core.buffer.Buffer;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A server dies when a sandbox is there and the session's files are not in it yet. */
class HalfMadeSandboxTest extends TroubledSession {

  @Test
  void whatIsNotRestoredYetIsNotTakenForDeleted() {
    await(server.sessions.writeFile(session, "kept.txt", Buffer.buffer("kept")));
    CompletableFuture<Void> killed = new CompletableFuture<>();
    world.insteadOfNextWrite(() -> {
      server.kill();
      killed.complete(null);
    });
    Accepted accepted = send("say hello");
    killed.join();
    assertThat(world.sandboxIds()).hasSize(1);

    restart(Map.of());
    assertThat(storedOutcome(accepted)).isEqualTo("success");
    await(server.sessions.sync(session));
    assertThat(await(server.sessions.readFile(session, "kept.txt", 0, 10)).toString()).isEqualTo("kept");
    assertThat(await(memory.readWorkspaceFile(session, "kept.txt", 0, 10)).toString()).isEqualTo("kept");
  }
}
