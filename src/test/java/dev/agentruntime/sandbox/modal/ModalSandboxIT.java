package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxContract;
import dev.agentruntime.sandbox.SandboxProvider;
import dev.agentruntime.support.modal.FakeModal;
import io.vertx.core.Vertx;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** The contract of sandboxes, on Modal's. */
class ModalSandboxIT extends SandboxContract {

  @TempDir
  private static Path directory;
  private static FakeModal modal;
  private static Vertx vertx;

  @BeforeAll
  static void start() {
    vertx = Vertx.vertx();
    modal = FakeModal.start(directory.resolve("modal"));
  }

  @AfterAll
  static void stop() throws Exception {
    modal.close();
    vertx.close().await(30, TimeUnit.SECONDS);
  }

  @Override
  protected SandboxProvider newProvider() {
    return new ModalSandboxProvider(vertx, clientOptions(modal), options());
  }

  static ModalClientOptions clientOptions(FakeModal modal) {
    return ModalClientOptions.of(URI.create(modal.url()), modal.environment().get("MODAL_TOKEN_ID"),
        modal.environment().get("MODAL_TOKEN_SECRET"));
  }

  static ModalSandboxOptions options() {
    return new ModalSandboxOptions("tests", "", "", "the-runtime", "node:22-trixie-slim", 1000, 2048, List.of(), "open", List.of(), List.of(),
        TimeUnit.HOURS.toMillis(24), TimeUnit.HOURS.toMillis(1), 300_000, 60_000, 60_000);
  }
}
