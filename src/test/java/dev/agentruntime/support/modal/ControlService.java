package dev.agentruntime.support.modal;

import com.google.protobuf.Empty;
import com.google.protobuf.Message;
import dev.agentruntime.sandbox.modal.ModalRpc;
import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.AuthTokenGetResponse;
import dev.agentruntime.sandbox.modal.proto.CommandRouterAccess;
import dev.agentruntime.sandbox.modal.proto.EnvironmentGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.EnvironmentMetadata;
import dev.agentruntime.sandbox.modal.proto.EnvironmentSettings;
import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.ImageFromIdResponse;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.ObjectCreationType;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Response;
import dev.agentruntime.sandbox.modal.proto.SandboxGetCommandRouterAccessRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxGetCommandRouterAccessResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxGetFromNameRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxGetFromNameResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxGetTaskIdRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxGetTaskIdResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxHandleMetadata;
import dev.agentruntime.sandbox.modal.proto.SandboxInfo;
import dev.agentruntime.sandbox.modal.proto.SandboxListRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxListResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxTagsGetResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxTerminateResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxWaitRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxWaitResponse;
import io.vertx.core.Future;
import io.vertx.core.MultiMap;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.grpc.common.GrpcStatus;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The control plane. On the event loop. */
final class ControlService {

  static final String TOKEN_ID = "ak-fake";
  static final String TOKEN_SECRET = "as-fake";
  static final String BUILDER_VERSION = "2025.06";

  private static final int PAGE = 25;

  /** These are for clients with an auth token only. */
  private static final Set<ModalRpc<?, ?>> WITH_AUTH_TOKEN = Set.of(ModalRpc.SANDBOX_CREATE, ModalRpc.SANDBOX_GET_TASK_ID,
      ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS, ModalRpc.SANDBOX_WAIT, ModalRpc.SANDBOX_TERMINATE, ModalRpc.SANDBOX_LIST,
      ModalRpc.SANDBOX_TAGS_SET, ModalRpc.SANDBOX_TAGS_GET, ModalRpc.SANDBOX_GET_FROM_NAME);

  /** Of the older kind of sandboxes, of which there are none: the SDK asks for them when it finds no other. */
  private static final ModalRpc<SandboxGetFromNameRequest, SandboxGetFromNameResponse> OLD_GET_FROM_NAME = new ModalRpc<>(
      ModalRpc.CONTROL_PLANE, "SandboxGetFromName", SandboxGetFromNameRequest.getDefaultInstance(),
      SandboxGetFromNameResponse.getDefaultInstance());

  private final FakeModal modal;
  private final Vertx vertx;
  private final GrpcEndpoint endpoint;
  private final Map<String, String> apps = new HashMap<>();
  private final Map<String, Future<SandboxCreateV2Response>> created = new HashMap<>();

  ControlService(FakeModal modal, Vertx vertx) {
    this.modal = modal;
    this.vertx = vertx;
    endpoint = new GrpcEndpoint(vertx, modal.log, this::check);
    endpoint.unary(ModalRpc.AUTH_TOKEN_GET, (question, headers) -> Future.succeededFuture(
        AuthTokenGetResponse.newBuilder().setToken(modal.authTokens.issue(TOKEN_ID)).build()));
    endpoint.unary(ModalRpc.ENVIRONMENT_GET_OR_CREATE, (question, headers) -> Future.succeededFuture(
        EnvironmentGetOrCreateResponse.newBuilder().setEnvironmentId("en-fake").setMetadata(EnvironmentMetadata.newBuilder()
            .setName("main").setSettings(EnvironmentSettings.newBuilder().setImageBuilderVersion(BUILDER_VERSION))).build()));
    endpoint.unary(ModalRpc.APP_GET_OR_CREATE, (question, headers) -> {
      String key = question.getEnvironmentName() + "/" + question.getAppName();
      if (question.getObjectCreationType() == ObjectCreationType.OBJECT_CREATION_TYPE_CREATE_IF_MISSING) {
        apps.computeIfAbsent(key, name -> Ids.of("ap-"));
      } else if (!apps.containsKey(key)) {
        throw new Refusal(GrpcStatus.NOT_FOUND, "no app " + question.getAppName());
      }
      return Future.succeededFuture(AppGetOrCreateResponse.newBuilder().setAppId(apps.get(key)).build());
    });
    images();
    sandboxes();
  }

  private void images() {
    endpoint.unary(ModalRpc.IMAGE_GET_OR_CREATE, (question, headers) -> {
      requireApp(question.getAppId());
      FakeImages.FakeImage image = modal.images.getOrCreate(question);
      return Future.succeededFuture(ImageGetOrCreateResponse.newBuilder().setImageId(image.id).setResult(FakeImages.result(image))
          .setMetadata(FakeImages.metadata(image)).build());
    });
    endpoint.stream(ModalRpc.IMAGE_JOIN_STREAMING,
        (question, answers) -> modal.images.join(question.getImageId(), question.getLastEntryId(), question.getTimeout(), answers));
    endpoint.unary(ModalRpc.IMAGE_FROM_ID, (question, headers) -> {
      FakeImages.FakeImage image = modal.images.built(question.getImageId());
      return Future.succeededFuture(ImageFromIdResponse.newBuilder().setImageId(image.id).setMetadata(FakeImages.metadata(image)).build());
    });
  }

  private void sandboxes() {
    endpoint.unary(ModalRpc.SANDBOX_CREATE, this::create);
    endpoint.unary(ModalRpc.SANDBOX_GET_TASK_ID, (question, headers) -> taskId(question));
    endpoint.unary(ModalRpc.SANDBOX_GET_COMMAND_ROUTER_ACCESS, (question, headers) -> access(question));
    endpoint.unary(ModalRpc.SANDBOX_WAIT, (question, headers) -> await(question));
    endpoint.unary(ModalRpc.SANDBOX_TERMINATE, (question, headers) -> {
      FakeSandbox sandbox = modal.sandbox(question.getSandboxId());
      if (!sandbox.isAlive()) {
        return Future.succeededFuture(SandboxTerminateResponse.newBuilder().setExistingResult(sandbox.result()).build());
      }
      sandbox.end(GenericResult.newBuilder().setStatus(GenericStatus.GENERIC_STATUS_TERMINATED).build());
      return Future.succeededFuture(SandboxTerminateResponse.getDefaultInstance());
    });
    endpoint.unary(ModalRpc.SANDBOX_LIST, (question, headers) -> Future.succeededFuture(list(question)));
    endpoint.unary(ModalRpc.SANDBOX_TAGS_SET, (question, headers) -> {
      modal.sandbox(question.getSandboxId()).tags = question.getTagsList();
      return Future.succeededFuture(Empty.getDefaultInstance());
    });
    endpoint.unary(ModalRpc.SANDBOX_TAGS_GET, (question, headers) -> Future.succeededFuture(
        SandboxTagsGetResponse.newBuilder().addAllTags(modal.sandbox(question.getSandboxId()).tags).build()));
    endpoint.unary(OLD_GET_FROM_NAME, (question, headers) -> Future.failedFuture(new Refusal(GrpcStatus.NOT_FOUND, "no such sandbox")));
    endpoint.unary(ModalRpc.SANDBOX_GET_FROM_NAME, (question, headers) -> Future.succeededFuture(fromName(question)));
  }

  GrpcEndpoint endpoint() {
    return endpoint;
  }

  private void check(ModalRpc<?, ?> rpc, MultiMap headers, Message question) {
    if (!headers.contains("x-modal-client-type") || !headers.contains("x-modal-client-version")) {
      throw new Refusal(GrpcStatus.INVALID_ARGUMENT, "what client is this?");
    }
    if (!TOKEN_ID.equals(headers.get("x-modal-token-id")) || !TOKEN_SECRET.equals(headers.get("x-modal-token-secret"))) {
      throw new Refusal(GrpcStatus.UNAUTHENTICATED, "the token is not known");
    }
    if (WITH_AUTH_TOKEN.contains(rpc) && !modal.authTokens.accepts(headers.get("x-modal-auth-token"), TOKEN_ID)) {
      throw new Refusal(GrpcStatus.UNAUTHENTICATED, "the auth token is missing or has expired");
    }
  }

  void stopApps() {
    apps.clear();
  }

  private void requireApp(String appId) {
    if (!apps.containsValue(appId)) {
      throw new Refusal(GrpcStatus.NOT_FOUND, "no app " + appId);
    }
  }

  /** Once for each idempotency key. */
  private Future<SandboxCreateV2Response> create(SandboxCreateV2Request request, MultiMap headers) {
    String key = headers.get("x-idempotency-key");
    if (key == null) {
      return createNew(request);
    }
    Future<SandboxCreateV2Response> known = created.get(key);
    if (known == null) {
      known = createNew(request);
      created.put(key, known);
      known.onFailure(e -> created.remove(key));
    }
    return known;
  }

  private Future<SandboxCreateV2Response> createNew(SandboxCreateV2Request request) {
    requireApp(request.getAppId());
    if (request.getSecretSourcesCount() > 0 && request.hasEphemeralSecrets()) {
      throw new Refusal(GrpcStatus.INVALID_ARGUMENT, "secret_sources cannot be combined with ephemeral_secrets");
    }
    FakeImages.FakeImage image = modal.images.built(request.getDefinition().getImageId());
    String name = request.getDefinition().getName();
    if (!name.isEmpty() && modal.find(name, request.getAppId()) != null) {
      throw new Refusal(GrpcStatus.ALREADY_EXISTS, "a sandbox has the name " + name);
    }
    FakeSandbox sandbox = modal.add(request, image);
    SandboxCreateV2Response.Builder answer = SandboxCreateV2Response.newBuilder().setSandboxId(sandbox.id)
        .setMetadata(SandboxHandleMetadata.newBuilder().setAppId(sandbox.appId));
    if (!modal.hasCapacity()) {
      return Future.succeededFuture(answer.build());
    }
    return modal.run(sandbox).map(started -> answer.setTaskId(sandbox.taskId).setCommandRouterAccess(CommandRouterAccess.newBuilder()
        .setJwt(modal.routerTokens.issue(sandbox.taskId)).setUrl(sandbox.worker.url())).build());
  }

  /** Waits for a task so long as the client says. */
  private Future<SandboxGetTaskIdResponse> taskId(SandboxGetTaskIdRequest request) {
    FakeSandbox sandbox = modal.sandbox(request.getSandboxId());
    Promise<SandboxGetTaskIdResponse> answer = Promise.promise();
    sandbox.ended().onSuccess(result -> answer.tryComplete(SandboxGetTaskIdResponse.newBuilder().setTaskResult(result).build()));
    if (modal.runs(sandbox)) {
      answer.tryComplete(SandboxGetTaskIdResponse.newBuilder().setTaskId(sandbox.taskId).build());
    }
    within(request.getTimeout(), answer, SandboxGetTaskIdResponse.getDefaultInstance());
    return answer.future();
  }

  private <A> void within(float seconds, Promise<A> answer, A otherwise) {
    long millis = (long) (seconds * 1000);
    if (millis > 0) {
      vertx.setTimer(millis, timer -> answer.tryComplete(otherwise));
    } else {
      answer.tryComplete(otherwise);
    }
  }

  private Future<SandboxGetCommandRouterAccessResponse> access(SandboxGetCommandRouterAccessRequest request) {
    FakeSandbox sandbox = request.hasSandboxId() ? modal.sandbox(request.getSandboxId()) : modal.byTask(request.getTaskId());
    if (sandbox.isEnding() || !modal.runs(sandbox)) {
      throw new Refusal(GrpcStatus.FAILED_PRECONDITION, "the sandbox has no command router, or not any more");
    }
    return Future.succeededFuture(SandboxGetCommandRouterAccessResponse.newBuilder().setJwt(modal.routerTokens.issue(sandbox.taskId))
        .setUrl(sandbox.worker.url()).build());
  }

  private Future<SandboxWaitResponse> await(SandboxWaitRequest request) {
    FakeSandbox sandbox = modal.sandbox(request.getSandboxId());
    SandboxHandleMetadata.Builder metadata = SandboxHandleMetadata.newBuilder().setAppId(sandbox.appId);
    Promise<SandboxWaitResponse> answer = Promise.promise();
    sandbox.ended().onSuccess(result -> answer.tryComplete(
        SandboxWaitResponse.newBuilder().setResult(result).setMetadata(metadata.setResult(result)).build()));
    within(request.getTimeout(), answer, SandboxWaitResponse.newBuilder().setMetadata(metadata).build());
    return answer.future();
  }

  private SandboxListResponse list(SandboxListRequest request) {
    SandboxListResponse.Builder page = SandboxListResponse.newBuilder();
    modal.allSandboxes().stream()
        .filter(sandbox -> request.getAppId().isEmpty() || sandbox.appId.equals(request.getAppId()))
        .filter(sandbox -> request.getIncludeFinished() || sandbox.isAlive())
        .filter(sandbox -> request.getBeforeTimestamp() == 0 || sandbox.createdAt < request.getBeforeTimestamp())
        .filter(sandbox -> sandbox.tags.containsAll(request.getTagsList()))
        .sorted(Comparator.comparingDouble((FakeSandbox sandbox) -> sandbox.createdAt).reversed()).limit(PAGE)
        .map(ControlService::info).forEach(page::addSandboxes);
    return page.build();
  }

  private static SandboxInfo info(FakeSandbox sandbox) {
    SandboxInfo.Builder info = SandboxInfo.newBuilder().setId(sandbox.id).setCreatedAt(sandbox.createdAt).setAppId(sandbox.appId)
        .addAllTags(sandbox.tags).setName(sandbox.name).setImageId(sandbox.image.id).setTimeoutSecs(sandbox.definition.getTimeoutSecs())
        .setMetadata(SandboxHandleMetadata.newBuilder().setAppId(sandbox.appId).setResult(sandbox.result()));
    if (sandbox.definition.hasIdleTimeoutSecs()) {
      info.setIdleTimeoutSecs(sandbox.definition.getIdleTimeoutSecs());
    }
    return info.build();
  }

  private SandboxGetFromNameResponse fromName(SandboxGetFromNameRequest request) {
    FakeSandbox sandbox = modal.find(request.getSandboxName(), apps.get(request.getEnvironmentName() + "/" + request.getAppName()));
    if (sandbox == null) {
      throw new Refusal(GrpcStatus.NOT_FOUND, "no sandbox " + request.getSandboxName());
    }
    return SandboxGetFromNameResponse.newBuilder().setSandboxId(sandbox.id)
        .setMetadata(SandboxHandleMetadata.newBuilder().setAppId(sandbox.appId)).build();
  }
}
