package dev.agentruntime.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** What the parts of the contract have in common: a provider, a sandbox, and few words for using them. */
public abstract class SandboxFixture {

  protected static final long PATIENCE_SECONDS = 120;
  protected static final Duration PATIENCE = Duration.ofSeconds(PATIENCE_SECONDS);
  protected static final List<String> IGNORED = List.of(".git", "node_modules");

  private final List<SandboxProvider> providers = new ArrayList<>();
  protected SandboxProvider provider;
  protected Sandbox sandbox;

  /** A provider for the same sandboxes as any other that this test made, as another run of the server would make it. */
  protected abstract SandboxProvider newProvider() throws Exception;

  @BeforeEach
  void open() throws Exception {
    provider = startProvider();
    sandbox = create();
  }

  @AfterEach
  void endAll() throws Exception {
    SandboxProvider last = startProvider();
    for (SandboxProvider.SandboxInfo info : await(last.list())) {
      await(last.terminate(info.sandboxId()));
    }
    for (SandboxProvider each : providers) {
      await(each.close());
    }
  }

  protected SandboxProvider startProvider() throws Exception {
    SandboxProvider started = newProvider();
    await(started.start());
    providers.add(started);
    return started;
  }

  /** As when the server is stopped and started again. */
  protected Sandbox restart() throws Exception {
    await(provider.close());
    providers.remove(provider);
    provider = startProvider();
    return await(provider.attach(sandbox.id(), 2));
  }

  protected Sandbox create() throws Exception {
    return await(provider.create(new SandboxSpec(UUID.randomUUID().toString(), IGNORED), progress -> { }));
  }

  protected SandboxProcess start(String script) throws Exception {
    return await(sandbox.start(shell(script)));
  }

  protected Sandbox.Completed run(String script) throws Exception {
    return await(sandbox.run(shell(script), PATIENCE));
  }

  /** Reads all of an ended or ending process. */
  protected String read(SandboxProcess process) throws Exception {
    Output output = new Output();
    await(process.readStdout(0, output));
    return output.text();
  }

  protected void write(String path, String text) throws Exception {
    await(sandbox.files().write(List.of(file(path, text))));
  }

  protected String readFile(String path) throws Exception {
    return await(sandbox.files().read(SandboxPath.workspace(path), 0, 1 << 20)).toString();
  }

  protected List<String> list() throws Exception {
    return await(sandbox.files().list(SandboxPath.workspace(""))).files().stream().map(SandboxFiles.Entry::path).sorted().toList();
  }

  /** Waits until nothing has this number any more. */
  protected void awaitGone(String pid) throws Exception {
    Sandbox.Completed waited =
        run("i=0; while kill -0 " + pid + " 2>/dev/null && ! grep -q '^State:.*Z' /proc/" + pid + "/status; do "
            + "i=$((i+1)); [ $i -gt 300 ] && exit 1; sleep 0.1; done");
    assertThat(waited.exitCode()).as("process %s has ended", pid).isZero();
  }

  protected static ProcessSpec shell(String script) {
    return new ProcessSpec(List.of("/bin/sh", "-c", script), Map.of());
  }

  protected static FileContent file(String path, String text) {
    return new FileContent(SandboxPath.workspace(path), Buffer.buffer(text), false, 0);
  }

  protected static <T> T await(Future<T> future) throws Exception {
    try {
      return future.toCompletionStage().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    }
  }

  protected static void assertFails(Future<?> future, Kind kind) {
    Throwable failure = catchThrowable(() -> await(future));
    assertThat(failure).isInstanceOf(SandboxException.class);
    assertThat(((SandboxException) failure).kind()).as(failure.getMessage()).isEqualTo(kind);
  }
}
