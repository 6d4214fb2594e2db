package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.Image;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingRequest;
import dev.agentruntime.sandbox.modal.proto.ObjectCreationType;
import dev.agentruntime.sandbox.modal.proto.Sandbox;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Response;
import dev.agentruntime.support.modal.FakeModal;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
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

  private static final long PATIENCE_SECONDS = 60;
  private static final long LOOK_NANOS = 5_000_000;

  final FakeModal modal;
  final Vertx vertx = Vertx.vertx();
  final ModalClientOptions options;
  final ModalClient client;
  private String appId;
  private String imageId;

  ModalRig(Path directory, UnaryOperator<ModalClientOptions> change) {
    modal = FakeModal.start(directory);
    options = change.apply(ModalClientOptions.of(URI.create(modal.url()), modal.environment().get("MODAL_TOKEN_ID"),
        modal.environment().get("MODAL_TOKEN_SECRET")));
    client = new ModalClient(vertx, options);
  }

  ModalRig(Path directory) {
    this(directory, UnaryOperator.identity());
  }

  String appId() {
    if (appId == null) {
      appId = await(client.call(ModalRpc.APP_GET_OR_CREATE, AppGetOrCreateRequest.newBuilder().setAppName("tests")
          .setObjectCreationType(ObjectCreationType.OBJECT_CREATION_TYPE_CREATE_IF_MISSING).build())).getAppId();
    }
    return appId;
  }

  String imageId() {
    if (imageId == null) {
      imageId = await(client.call(ModalRpc.IMAGE_GET_OR_CREATE, ImageGetOrCreateRequest.newBuilder().setAppId(appId())
          .setBuilderVersion("2025.06").setImage(Image.newBuilder().addDockerfileCommands("FROM debian:13")).build())).getImageId();
      await(client.stream(ModalRpc.IMAGE_JOIN_STREAMING, ImageJoinStreamingRequest.newBuilder().setImageId(imageId).setTimeout(55).build(),
          Duration.ofSeconds(60), log -> Future.succeededFuture()));
    }
    return imageId;
  }

  SandboxCreateV2Request sandboxRequest() {
    return SandboxCreateV2Request.newBuilder().setAppId(appId())
        .setDefinition(Sandbox.newBuilder().setImageId(imageId()).setTimeoutSecs(86_400)).build();
  }

  /** The worker of a new sandbox. */
  CommandRouter router() {
    SandboxCreateV2Response made = await(client.call(ModalRpc.SANDBOX_CREATE, sandboxRequest()));
    return client.router(made.getSandboxId(), made.getTaskId(), RouterAccess.Grant.of(made.getCommandRouterAccess()));
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
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
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
