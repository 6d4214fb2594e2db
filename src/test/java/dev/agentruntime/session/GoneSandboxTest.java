package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.TurnOutcome;
import dev.agentruntime.protocol.WorkspaceFile;
import io.vertx.core.buffer.Buffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The sandbox of a session at rest ends, as its host may: the files are those that are stored. */
class GoneSandboxTest extends TroubledSession {

  @BeforeEach
  void lose() {
    assertThat(outcome(send("say first"))).isEqualTo(TurnOutcome.SUCCESS);
    await(server.sessions.writeFile(session, "kept.txt", Buffer.buffer("kept")));
    world.loseSandboxes();
  }

  private String read(String path) {
    return await(server.sessions.readFile(session, path, 0, 10)).toString();
  }

  @Test
  void aFileIsReadAllTheSame() {
    assertThat(read("kept.txt")).isEqualTo("kept");
  }

  @Test
  void aFileIsWrittenAllTheSame() {
    await(server.sessions.writeFile(session, "new.txt", Buffer.buffer("new")));
    assertThat(read("new.txt")).isEqualTo("new");
    assertThat(outcome(send("say second"))).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(read("new.txt")).isEqualTo("new");
    assertThat(await(server.sessions.listFiles(session))).extracting(WorkspaceFile::path).containsExactly("kept.txt", "new.txt");
  }

  @Test
  void aFileIsDeletedAllTheSame() {
    await(server.sessions.deleteFile(session, "kept.txt"));
    assertThat(outcome(send("say second"))).isEqualTo(TurnOutcome.SUCCESS);
    assertThat(await(server.sessions.listFiles(session))).isEmpty();
  }
}
