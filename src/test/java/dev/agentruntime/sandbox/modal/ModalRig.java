package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.support.modal.FakeModal;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.assertj.core.api.Assertions;

/** A fake of Modal, and a client of it. */
final class ModalRig implements AutoCloseable {

  private static final long PATIENCE_SECONDS = 120;
  private static final int DAY_SECONDS = 86_400;
  private static final long LOOK_NANOS = 5_000_000;

  final FakeModal modal;
  final Vertx vertx = Vertx.vertx();
  final ModalClientOptions options;
  final ModalClient client;
  private final ModalBed bed;

  ModalRig(Path directory, UnaryOperator<ModalClientOptions> change) {
    modal = FakeModal.start(directory);
    options = change.apply(ModalClientOptions.of(URI.create(modal.url()), modal.environment().get("MODAL_TOKEN_ID"),
        modal.environment().get("MODAL_TOKEN_SECRET")));
    client = new ModalClient(vertx, options);
    bed = new ModalBed(client, ModalBed.account(client, "", "2025.06"), DAY_SECONDS);
  }

  ModalRig(Path directory) {
    this(directory, UnaryOperator.identity());
  }

  String imageId() {
    return bed.imageId();
  }

  /** The worker of a new sandbox. */
  CommandRouter router() {
    return bed.router();
  }

  static ExecSpec shell(String script, String... arguments) {
    List<String> command = new ArrayList<>(List.of("sh", "-c", script, "sh"));
    command.addAll(List.of(arguments));
    return new ExecSpec(UUID.randomUUID().toString(), command, Map.of(), null, null);
  }

  /** Starts a script and gives its id. */
  static String start(CommandRouter router, String script, String... arguments) {
    ExecSpec exec = shell(script, arguments);
    await(router.start(exec));
    return exec.execId();
  }

  /** All that a process prints from a byte on. */
  static String read(CommandRouter router, String execId, long offset) {
    Buffer all = Buffer.buffer();
    await(router.read(execId, CommandRouter.Stdio.STDOUT, offset, chunk -> {
      all.appendBuffer(chunk);
      return Future.succeededFuture();
    }).done());
    return all.toString(StandardCharsets.UTF_8);
  }

  static <T> T await(Future<T> future) {
    try {
      return future.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("no answer", e);
    }
  }

  /** @return as what it failed */
  static SandboxException failure(Future<?> future) {
    try {
      await(future);
    } catch (SandboxException failure) {
      return failure;
    }
    return Assertions.fail("it succeeded");
  }

  /** Waits for a state that comes by itself. */
  static void until(BooleanSupplier state) {
    until(state, PATIENCE_SECONDS);
  }

  static void until(BooleanSupplier state, long patienceSeconds) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(patienceSeconds);
    while (!state.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("it never came to that");
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  @Override
  public void close() {
    await(client.close());
    await(vertx.close());
    modal.close();
  }
}
