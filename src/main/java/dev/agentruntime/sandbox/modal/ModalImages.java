package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.modal.proto.BaseImage;
import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.Image;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingRequest;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingResponse;
import dev.agentruntime.sandbox.modal.proto.TaskLogs;
import io.vertx.core.Future;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Images by their content: asked for once, built once, for all sessions that need the same. Modal keeps them, so that a server that is
 * started anew has them at once. Thread-safe.
 */
final class ModalImages {

  private static final Logger log = LoggerFactory.getLogger(ModalImages.class);

  /** As Modal's SDKs wait (js/src/image.ts). */
  private static final int JOIN_SECONDS = 55;
  private static final Duration JOIN_TIMEOUT = Duration.ofSeconds(JOIN_SECONDS + 15);
  private static final int ATTEMPTS = 3;
  private static final long BETWEEN_LINES_MS = 250;

  private final ModalClient client;
  private final ModalAccount account;
  private final Map<List<List<String>>, Build> builds = new ConcurrentHashMap<>();

  /** A build, and who is told of it. */
  private static final class Build {
    private final List<Consumer<String>> listeners = new CopyOnWriteArrayList<>();
    private final AtomicLong toldNanos = new AtomicLong(System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(BETWEEN_LINES_MS));
    private Future<String> image;
    /** Of its layer that is being built. */
    private volatile BuildLog log;

    void tell(String line) {
      listeners.forEach(listener -> listener.accept(line));
    }

    /** A log may be long, and quick: each step is told, and of its other lines some. */
    void tell(BuildLog.Line line) {
      long now = System.nanoTime();
      if (line.isStep() || now - toldNanos.get() >= TimeUnit.MILLISECONDS.toNanos(BETWEEN_LINES_MS)) {
        toldNanos.set(now);
        tell("Building the image: " + line.shown());
      }
    }
  }

  ModalImages(ModalClient client, ModalAccount account) {
    this.client = client;
    this.account = account;
  }

  /**
   * The id of an image, built if need be.
   *
   * @param progress told what is being done; a line of the build's log now and then
   */
  Future<String> get(SandboxImage image, Consumer<String> progress) {
    Build build = builds.computeIfAbsent(image.key(), key -> new Build());
    synchronized (build) {
      build.listeners.add(progress);
      if (build.image == null) {
        build.image = layer(image.layers(), 0, null, build).onFailure(e -> builds.remove(image.key(), build));
      }
      return build.image.onComplete(done -> build.listeners.remove(progress));
    }
  }

  /** Modal does not have it any more. */
  void forget(SandboxImage image) {
    builds.remove(image.key());
  }

  private Future<String> layer(List<SandboxImage.Layer> layers, int index, String below, Build build) {
    return index == layers.size() ? Future.succeededFuture(below)
        : build(layers.get(index), below, build, 1).compose(id -> layer(layers, index + 1, id, build));
  }

  private Future<String> build(SandboxImage.Layer layer, String below, Build build, int attempt) {
    build.log = new BuildLog();
    Image.Builder image = Image.newBuilder();
    if (below != null) {
      image.addBaseImages(BaseImage.newBuilder().setDockerTag("base").setImageId(below)).addDockerfileCommands("FROM base");
    }
    image.addAllDockerfileCommands(layer.commands()).addAllContextFiles(layer.files().get());
    Future<String> appId = account.appId();
    Future<String> builderVersion = account.imageBuilderVersion();
    return Future.all(appId, builderVersion).compose(known -> client.call(ModalRpc.IMAGE_GET_OR_CREATE, ImageGetOrCreateRequest.newBuilder()
        .setAppId(appId.result()).setBuilderVersion(builderVersion.result()).setImage(image).build())).compose(answer -> {
              if (isOver(answer.getResult())) {
                return Future.succeededFuture(answer.getResult()).map(result -> new Built(answer.getImageId(), result));
              }
              build.tell("Building the image");
              return join(answer.getImageId(), "", build, 0).map(result -> new Built(answer.getImageId(), result));
            }).compose(built -> judge(built, layer, below, build, attempt));
  }

  private record Built(String imageId, GenericResult result) {}

  private Future<String> judge(Built built, SandboxImage.Layer layer, String below, Build build, int attempt) {
    GenericStatus status = built.result().getStatus();
    if (status == GenericStatus.GENERIC_STATUS_SUCCESS) {
      return Future.succeededFuture(built.imageId());
    }
    // From outside, not by the build's own fault.
    if (status == GenericStatus.GENERIC_STATUS_TERMINATED && attempt < ATTEMPTS) {
      return build(layer, below, build, attempt + 1);
    }
    String why = built.result().getException().strip();
    String shown = "The image could not be built" + (status == GenericStatus.GENERIC_STATUS_TIMEOUT ? " in the time that Modal gives it" : "")
        + (why.isEmpty() ? "" : ": " + BuildLog.shortened(why)) + build.log.end();
    log.warn("image {}: {} ({})", built.imageId(), shown, status);
    return Future.failedFuture(new SandboxException(Kind.FAILED, shown));
  }

  private Future<GenericResult> join(String imageId, String from, Build build, int failures) {
    AtomicReference<String> entry = new AtomicReference<>(from);
    AtomicReference<GenericResult> result = new AtomicReference<>();
    return client.stream(ModalRpc.IMAGE_JOIN_STREAMING, ImageJoinStreamingRequest.newBuilder().setImageId(imageId).setTimeout(JOIN_SECONDS)
        .setLastEntryId(from).build(), JOIN_TIMEOUT, said -> {
          take(said, entry, result, build);
          return result.get() == null ? Future.succeededFuture() : Future.failedFuture("nothing more is wanted of it");
        }).transform(over -> {
          if (result.get() != null) {
            return Future.succeededFuture(result.get());
          }
          return over.succeeded() ? join(imageId, entry.get(), build, 0) : joinAgain(over.cause(), imageId, entry.get(), build, failures);
        });
  }

  /** After a wait that the service asks for, which is no failure, or a pause. */
  private Future<GenericResult> joinAgain(Throwable failure, String imageId, String from, Build build, int failures) {
    if (!(failure.getCause() instanceof ModalStatusException modal)) {
      return Future.failedFuture(failure);
    }
    if (modal.throttleMs().isPresent()) {
      return client.pause(modal.throttleMs().get()).compose(paused -> join(imageId, from, build, failures));
    }
    return RetryPolicy.BUILD_LOG.allows(modal.status(), failures)
        ? client.pause(RetryPolicy.BUILD_LOG.delayMs(failures)).compose(paused -> join(imageId, from, build, failures + 1))
        : Future.failedFuture(failure);
  }

  private static void take(ImageJoinStreamingResponse said, AtomicReference<String> entry, AtomicReference<GenericResult> result, Build build) {
    if (!said.getEntryId().isEmpty()) {
      entry.set(said.getEntryId());
    }
    for (TaskLogs line : said.getTaskLogsList()) {
      build.log.take(line.getData()).forEach(build::tell);
    }
    if (isOver(said.getResult())) {
      result.set(said.getResult());
    }
  }

  private static boolean isOver(GenericResult result) {
    return result.getStatus() != GenericStatus.GENERIC_STATUS_UNSPECIFIED;
  }
}
