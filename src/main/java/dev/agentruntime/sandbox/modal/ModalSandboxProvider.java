package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxProvider;
import dev.agentruntime.sandbox.SandboxSpec;
import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Response;
import dev.agentruntime.sandbox.modal.proto.SandboxGetTaskIdRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxGetTaskIdResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxTerminateRequest;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.grpc.common.GrpcStatus;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sandboxes of Modal's cloud. Each is marked with this runtime, its session, the session's owner and the attempt that made it, so that
 * whatever becomes of a call it is found, and ended when nobody owns it. A sandbox whose runtime is gone is ended by Modal for being idle,
 * though its agent waits in it: only execs keep it, and the one of its {@link Supervisor} ends with the runtime.
 */
public final class ModalSandboxProvider implements SandboxProvider {

  private static final Logger log = LoggerFactory.getLogger(ModalSandboxProvider.class);
  private static final Pattern ID = Pattern.compile("sb-[A-Za-z0-9]{1,64}");
  private static final Duration TASK_WAIT = Duration.ofSeconds(10);
  /** As Modal's SDKs ask for a task (npm modal 0.11.1), whatever the service makes of {@link #TASK_WAIT}. */
  private static final long PAUSE_MS = 500;
  private static final Duration END_WAIT = Duration.ofSeconds(10);
  private static final int END_WAITS = 12;

  private final ModalClient client;
  private final ModalSandboxOptions options;
  private final ModalAccount account;
  private final ModalImages images;
  private final SandboxTags tags;
  private final Map<String, ModalSandbox> sandboxes = new ConcurrentHashMap<>();

  public ModalSandboxProvider(Vertx vertx, ModalClientOptions client, ModalSandboxOptions options) {
    this.client = new ModalClient(vertx, client);
    this.options = options;
    this.account = new ModalAccount(this.client, options);
    this.images = new ModalImages(this.client, account);
    this.tags = new SandboxTags(this.client, account, options.runtimeId());
  }

  @Override
  public String name() {
    return "modal";
  }

  /** Says at once if the token is not accepted. That Modal cannot be reached may pass. */
  @Override
  public Future<Void> start() {
    return Future.all(account.appId(), account.imageBuilderVersion()).<Void>mapEmpty().recover(failure -> {
      if (!mayPass(failure)) {
        return Future.failedFuture(failure);
      }
      log.warn("Modal: {}", failure.getMessage());
      return Future.succeededFuture();
    });
  }

  @Override
  public boolean equips() {
    return true;
  }

  @Override
  public boolean shared() {
    return true;
  }

  @Override
  public Future<Sandbox> create(SandboxSpec spec, Consumer<String> progress) {
    SandboxImage image = SandboxImage.of(spec.needs(), options.baseImage());
    return make(image, spec, progress).recover(failure -> {
      if (!isMissing(failure)) {
        return Future.failedFuture(failure);
      }
      log.info("Modal does not know the app or the image any more: {}", failure.getMessage());
      account.forget();
      images.forget(image);
      return make(image, spec, progress);
    }).compose(made -> connect(made, spec, progress)
        .recover(failure -> terminate(made.getSandboxId()).transform(ended -> Future.failedFuture(failure))));
  }

  private Future<SandboxCreateV2Response> make(SandboxImage image, SandboxSpec spec, Consumer<String> progress) {
    progress.accept("Preparing the image");
    return images.get(image, progress).compose(imageId -> {
      progress.accept("Creating a sandbox on Modal");
      return account.appId().compose(appId -> client.call(ModalRpc.SANDBOX_CREATE,
          SandboxRequests.create(appId, imageId, options, spec, tags.of(spec))))
          .recover(failure -> endLost(spec, failure));
    });
  }

  /** What Modal was asked for once and is remembered here: a server may run for longer than Modal keeps it. */
  private static boolean isMissing(Throwable failure) {
    return ModalStatusException.statusOf(failure)
        .filter(status -> status == GrpcStatus.NOT_FOUND || status == GrpcStatus.FAILED_PRECONDITION).isPresent();
  }

  /** The answer may be lost, and the sandbox made. */
  private <T> Future<T> endLost(SandboxSpec spec, Throwable failure) {
    return tags.find(tags.creation(spec)).compose(found -> Future.join(found.stream().map(info -> terminate(info.sandboxId())).toList()))
        .transform(done -> {
          if (done.failed()) {
            log.warn("what an attempt to make a sandbox may have left is looked for later: {}", done.cause().getMessage());
          }
          return Future.failedFuture(failure);
        });
  }

  private Future<Sandbox> connect(SandboxCreateV2Response made, SandboxSpec spec, Consumer<String> progress) {
    long createdAt = System.currentTimeMillis();
    RouterAccess.Grant grant = made.hasCommandRouterAccess() ? RouterAccess.Grant.of(made.getCommandRouterAccess()) : null;
    JsonObject facts = new JsonObject().put("sessionId", spec.sessionId()).put("ignoredNames", new JsonArray(spec.ignoredNames()))
        .put("expiresAt", createdAt + options.lifetimeMs()).put("supplied", FilesLayer.folder(spec.needs().files()));
    Future<String> task = Future.succeededFuture(made.getTaskId());
    if (made.getTaskId().isEmpty()) {
      progress.accept("Waiting for capacity on Modal");
      task = task(made.getSandboxId(), deadline());
    }
    return task.compose(taskId -> {
      progress.accept("Connecting to the sandbox");
      return open(made.getSandboxId(), taskId, grant, spec.term(), facts);
    });
  }

  private Future<Sandbox> open(String sandboxId, String taskId, RouterAccess.Grant grant, long term, JsonObject facts) {
    CommandRouter router = client.router(sandboxId, taskId, grant);
    ModalSandbox sandbox = new ModalSandbox(router, options, term, () -> terminate(sandboxId),
        closed -> sandboxes.remove(sandboxId, closed));
    sandboxes.put(sandboxId, sandbox);
    return sandbox.open(facts).onFailure(e -> sandbox.release());
  }

  /** Waits until it has a place, through what may pass. */
  private Future<String> task(String sandboxId, long deadline) {
    return askTask(sandboxId).compose(answer -> {
      if (!answer.getTaskId().isEmpty()) {
        return Future.succeededFuture(answer.getTaskId());
      }
      return later(() -> task(sandboxId, deadline), deadline, new SandboxException(Kind.FAILED, "Modal has no capacity for the sandbox at the "
          + "moment: try again later, or ask for less memory, fewer cores or other regions"));
    }, failure -> mayPass(failure) ? later(() -> task(sandboxId, deadline), deadline, failure) : Future.failedFuture(failure));
  }

  private long deadline() {
    return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(options.startTimeoutMs());
  }

  /** @param failure when it is too late */
  private <T> Future<T> later(Supplier<Future<T>> again, long deadline, Throwable failure) {
    return System.nanoTime() - deadline >= 0 ? Future.failedFuture(failure) : client.pause(PAUSE_MS).compose(over -> again.get());
  }

  private static boolean mayPass(Throwable failure) {
    return !ModalFailure.isGone(failure)
        && ModalStatusException.statusOf(failure).filter(RetryPolicy.CONTROL_PLANE.codes()::contains).isPresent();
  }

  private Future<SandboxGetTaskIdResponse> askTask(String sandboxId) {
    Duration wait = TASK_WAIT.toMillis() < options.startTimeoutMs() ? TASK_WAIT : Duration.ofMillis(options.startTimeoutMs());
    return client.call(ModalRpc.SANDBOX_GET_TASK_ID, SandboxGetTaskIdRequest.newBuilder().setSandboxId(sandboxId)
            .setTimeout(wait.toMillis() / 1000f).build(), wait.multipliedBy(3))
        .compose(answer -> answer.hasTaskResult() && answer.getTaskResult().getStatus() != GenericResult.GenericStatus.GENERIC_STATUS_UNSPECIFIED
            ? Future.failedFuture(ModalFailure.ended(answer.getTaskResult(), null)) : Future.succeededFuture(answer));
  }

  @Override
  public Future<Sandbox> attach(String sandboxId, long term) {
    return ID.matcher(sandboxId).matches() ? attach(sandboxId, term, deadline()) : Future.failedFuture(gone());
  }

  /** An agent may be at work there, which nobody else will look for: that Modal is away for a while is no reason to let it go. */
  private Future<Sandbox> attach(String sandboxId, long term, long deadline) {
    return task(sandboxId, deadline).compose(taskId -> open(sandboxId, taskId, null, term, null))
        .recover(failure -> mayPass(failure) ? later(() -> attach(sandboxId, term, deadline), deadline, failure) : Future.failedFuture(failure));
  }

  @Override
  public Future<List<SandboxInfo>> list() {
    return tags.find(List.of());
  }

  @Override
  public Future<Void> terminate(String sandboxId) {
    if (!ID.matcher(sandboxId).matches()) {
      return Future.succeededFuture();
    }
    ModalSandbox known = sandboxes.remove(sandboxId);
    if (known != null) {
      known.ends();
    }
    return client.call(ModalRpc.SANDBOX_TERMINATE, SandboxTerminateRequest.newBuilder().setSandboxId(sandboxId).build())
        .compose(answer -> answer.hasExistingResult() ? Future.succeededFuture() : confirmEnd(sandboxId, END_WAITS))
        .recover(failure -> ModalFailure.isGone(failure) ? Future.succeededFuture() : Future.failedFuture(failure));
  }

  private Future<Void> confirmEnd(String sandboxId, int waits) {
    return client.ended(sandboxId, END_WAIT).compose(end -> {
      if (end.isPresent()) {
        return Future.succeededFuture();
      }
      return waits > 1 ? confirmEnd(sandboxId, waits - 1)
          : Future.failedFuture(new SandboxException(Kind.FAILED, "Modal was told to end the sandbox and does not say that it has"));
    });
  }

  @Override
  public Future<Void> close() {
    List<Future<Void>> released = sandboxes.values().stream().map(ModalSandbox::release).toList();
    return Future.join(released).transform(done -> client.close());
  }

  private static SandboxException gone() {
    return new SandboxException(Kind.GONE, "the sandbox has ended");
  }
}
