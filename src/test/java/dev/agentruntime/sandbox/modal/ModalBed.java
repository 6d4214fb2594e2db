package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalRig.await;

import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.Image;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingRequest;
import dev.agentruntime.sandbox.modal.proto.ObjectCreationType;
import dev.agentruntime.sandbox.modal.proto.Sandbox;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Response;
import dev.agentruntime.sandbox.modal.proto.SandboxTerminateRequest;
import io.vertx.core.Future;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Makes plain sandboxes with a shell in them, for a client to be tried with. */
final class ModalBed {

  private static final String BUILDER_VERSION = "2025.06";
  private static final int JOIN_SECONDS = 55;

  private final ModalClient client;
  private final int lifetimeSeconds;
  private final List<String> made = new CopyOnWriteArrayList<>();
  private String appId;
  private String imageId;

  ModalBed(ModalClient client, int lifetimeSeconds) {
    this.client = client;
    this.lifetimeSeconds = lifetimeSeconds;
  }

  String appId() {
    if (appId == null) {
      appId = await(client.call(ModalRpc.APP_GET_OR_CREATE, AppGetOrCreateRequest.newBuilder().setAppName("agent-runtime-tests")
          .setObjectCreationType(ObjectCreationType.OBJECT_CREATION_TYPE_CREATE_IF_MISSING).build())).getAppId();
    }
    return appId;
  }

  String imageId() {
    if (imageId == null) {
      ImageGetOrCreateResponse image = await(client.call(ModalRpc.IMAGE_GET_OR_CREATE, ImageGetOrCreateRequest.newBuilder().setAppId(appId())
          .setBuilderVersion(BUILDER_VERSION).setImage(Image.newBuilder().addDockerfileCommands("FROM debian:13-slim")).build()));
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

  /** The worker of a new sandbox. */
  CommandRouter router(SandboxCreateV2Request request) {
    SandboxCreateV2Response answer = await(create(client, request));
    return client.router(answer.getSandboxId(), answer.getTaskId(), RouterAccess.Grant.of(answer.getCommandRouterAccess()));
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
