package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.EnvironmentGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ObjectCreationType;
import io.vertx.core.Future;
import java.util.function.Supplier;

/** The app and the environment that everything is made in: asked for once, again only if that failed. Thread-safe. */
final class ModalAccount {

  private final Once<String> appId;
  private final Once<String> imageBuilderVersion;

  ModalAccount(ModalClient client, ModalSandboxOptions options) {
    appId = new Once<>(() -> client.call(ModalRpc.APP_GET_OR_CREATE, AppGetOrCreateRequest.newBuilder().setAppName(options.appName())
        .setEnvironmentName(options.environment()).setObjectCreationType(ObjectCreationType.OBJECT_CREATION_TYPE_CREATE_IF_MISSING).build())
        .map(AppGetOrCreateResponse::getAppId));
    imageBuilderVersion = new Once<>(() -> !options.imageBuilderVersion().isEmpty() ? Future.succeededFuture(options.imageBuilderVersion())
        : client.call(ModalRpc.ENVIRONMENT_GET_OR_CREATE,
            EnvironmentGetOrCreateRequest.newBuilder().setDeploymentName(options.environment()).build())
        .map(answer -> answer.getMetadata().getSettings().getImageBuilderVersion()));
  }

  Future<String> appId() {
    return appId.get();
  }

  Future<String> imageBuilderVersion() {
    return imageBuilderVersion.get();
  }

  /** What was answered may not be so any more: an app can be stopped, and then there is no way back to it. */
  void forget() {
    appId.forget();
  }

  private static final class Once<T> {
    private final Supplier<Future<T>> ask;
    private Future<T> answer;

    Once(Supplier<Future<T>> ask) {
      this.ask = ask;
    }

    synchronized Future<T> get() {
      if (answer == null || answer.failed()) {
        answer = ask.get();
      }
      return answer;
    }

    synchronized void forget() {
      answer = null;
    }
  }
}
