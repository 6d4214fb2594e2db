package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalRig.await;

import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.Image;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingRequest;
import dev.agentruntime.sandbox.modal.proto.Sandbox;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Response;
import dev.agentruntime.sandbox.modal.proto.SandboxGetTaskIdRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxTerminateRequest;
import io.vertx.core.Future;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Makes plain sandboxes with a shell in them, for a client to be tried with. */
final class ModalBed {

  private static final int TASK_SECONDS = 10;
  static final String BASE_IMAGE = "node:22-trixie-slim";
  private static final int JOIN_SECONDS = 55;

  private final ModalClient client;
  private final int lifetimeSeconds;
  private final List<String> made = new CopyOnWriteArrayList<>();
  private final ModalAccount account;
  private String imageId;

  ModalBed(ModalClient client, ModalAccount account, int lifetimeSeconds) {
    this.client = client;
    this.account = account;
    this.lifetimeSeconds = lifetimeSeconds;
  }

  /** @param environment empty for the token's own; {@code imageBuilderVersion} empty for the environment's own */
  static ModalAccount account(ModalClient client, String environment, String imageBuilderVersion) {
    return new ModalAccount(client, new ModalSandboxOptions("agent-runtime-tests", environment, imageBuilderVersion, "tests", BASE_IMAGE, 1000,
        2048, List.of(), "open", List.of(), List.of(), 3_600_000, 0, 60_000, 60_000, 60_000));
  }

  String appId() {
    return await(account.appId());
  }

  String imageId() {
    if (imageId == null) {
      ImageGetOrCreateResponse image = await(client.call(ModalRpc.IMAGE_GET_OR_CREATE, ImageGetOrCreateRequest.newBuilder().setAppId(appId())
          .setBuilderVersion(await(account.imageBuilderVersion())).setImage(Image.newBuilder().addDockerfileCommands("FROM debian:13-slim")).build()));
      GenericResult[] result = {image.getResult()};
      String[] entry = {""};
      while (result[0].getStatus() == GenericResult.GenericStatus.GENERIC_STATUS_UNSPECIFIED) {
        await(client.stream(ModalRpc.IMAGE_JOIN_STREAMING, ImageJoinStreamingRequest.newBuilder().setImageId(image.getImageId())
            .setTimeout(JOIN_SECONDS).setLastEntryId(entry[0]).build(), Duration.ofSeconds(JOIN_SECONDS + 5), log -> {
              entry[0] = log.getEntryId().isEmpty() ? entry[0] : log.getEntryId();
              result[0] = log.hasResult() ? log.getResult() : result[0];
              return Future.succeededFuture();
            }));
      }
      imageId = image.getImageId();
    }
    return imageId;
  }

  SandboxCreateV2Request.Builder request() {
    return SandboxCreateV2Request.newBuilder().setAppId(appId())
        .setDefinition(Sandbox.newBuilder().setImageId(imageId()).setTimeoutSecs(lifetimeSeconds));
  }

  Future<SandboxCreateV2Response> create(ModalClient by, SandboxCreateV2Request request) {
    return by.call(ModalRpc.SANDBOX_CREATE, request).onSuccess(answer -> made.add(answer.getSandboxId()));
  }

  /** The worker of a new sandbox, which may have to wait for its place. */
  CommandRouter router(SandboxCreateV2Request request) {
    SandboxCreateV2Response answer = await(create(client, request));
    String sandboxId = answer.getSandboxId();
    String taskId = answer.getTaskId();
    while (taskId.isEmpty()) {
      taskId = await(client.call(ModalRpc.SANDBOX_GET_TASK_ID, SandboxGetTaskIdRequest.newBuilder().setSandboxId(sandboxId)
          .setTimeout(TASK_SECONDS).build(), Duration.ofSeconds(3 * TASK_SECONDS))).getTaskId();
    }
    return client.router(sandboxId, taskId, answer.hasCommandRouterAccess() ? RouterAccess.Grant.of(answer.getCommandRouterAccess()) : null);
  }

  CommandRouter router() {
    return router(request().build());
  }

  /** Ends every sandbox made here, and waits until they have. */
  void terminateAll() {
    await(Future.all(made.stream()
        .map(id -> client.call(ModalRpc.SANDBOX_TERMINATE, SandboxTerminateRequest.newBuilder().setSandboxId(id).build())
            .compose(asked -> client.ended(id, Duration.ofSeconds(JOIN_SECONDS))))
        .toList()));
  }
}
