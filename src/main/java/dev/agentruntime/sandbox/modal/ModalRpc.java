package dev.agentruntime.sandbox.modal;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Empty;
import com.google.protobuf.Message;
import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.AppGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.AuthTokenGetRequest;
import dev.agentruntime.sandbox.modal.proto.AuthTokenGetResponse;
import dev.agentruntime.sandbox.modal.proto.EnvironmentGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.EnvironmentGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.ImageFromIdRequest;
import dev.agentruntime.sandbox.modal.proto.ImageFromIdResponse;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateResponse;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingRequest;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Response;
import dev.agentruntime.sandbox.modal.proto.SandboxGetCommandRouterAccessRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxGetCommandRouterAccessResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxGetFromNameRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxGetFromNameResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxGetTaskIdRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxGetTaskIdResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxListRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxListResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxStdioReadV2Request;
import dev.agentruntime.sandbox.modal.proto.SandboxStdioReadV2Response;
import dev.agentruntime.sandbox.modal.proto.SandboxTagsGetRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxTagsGetResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxTagsSetRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxTerminateRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxTerminateResponse;
import dev.agentruntime.sandbox.modal.proto.SandboxWaitRequest;
import dev.agentruntime.sandbox.modal.proto.SandboxWaitResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecPollRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecPollResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStartRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStartResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinStatusRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinStatusResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteStreamRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdinWriteStreamResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioReadRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecStdioReadResponse;
import dev.agentruntime.sandbox.modal.proto.TaskExecWaitRequest;
import dev.agentruntime.sandbox.modal.proto.TaskExecWaitResponse;
import dev.agentruntime.sandbox.modal.proto.TaskSnapshotFilesystemRequest;
import dev.agentruntime.sandbox.modal.proto.TaskSnapshotFilesystemResponse;
import io.vertx.grpc.common.GrpcMessageDecoder;
import io.vertx.grpc.common.GrpcMessageEncoder;
import io.vertx.grpc.common.ServiceMethod;
import io.vertx.grpc.common.ServiceName;
import java.io.IOException;

/**
 * A call of one of Modal's two services, as {@code src/main/proto} has it.
 *
 * @param question default instance of what is sent
 * @param answer default instance of what comes back
 */
public record ModalRpc<Q extends Message, A extends Message>(ServiceName service, String name, Q question, A answer) {

  /** Modal's control plane, one for all sandboxes. */
  public static final ServiceName CONTROL_PLANE = ServiceName.create("modal.client.ModalClient");

  /** The command router, on the worker that a sandbox runs on. */
  public static final ServiceName COMMAND_ROUTER = ServiceName.create("modal.task_command_router.TaskCommandRouter");

  public static final ModalRpc<AuthTokenGetRequest, AuthTokenGetResponse> AUTH_TOKEN_GET = control("AuthTokenGet",
      AuthTokenGetRequest.getDefaultInstance(), AuthTokenGetResponse.getDefaultInstance());
  public static final ModalRpc<EnvironmentGetOrCreateRequest, EnvironmentGetOrCreateResponse> ENVIRONMENT_GET_OR_CREATE =
      control("EnvironmentGetOrCreate", EnvironmentGetOrCreateRequest.getDefaultInstance(), EnvironmentGetOrCreateResponse.getDefaultInstance());
  public static final ModalRpc<AppGetOrCreateRequest, AppGetOrCreateResponse> APP_GET_OR_CREATE = control("AppGetOrCreate",
      AppGetOrCreateRequest.getDefaultInstance(), AppGetOrCreateResponse.getDefaultInstance());
  public static final ModalRpc<ImageGetOrCreateRequest, ImageGetOrCreateResponse> IMAGE_GET_OR_CREATE = control("ImageGetOrCreate",
      ImageGetOrCreateRequest.getDefaultInstance(), ImageGetOrCreateResponse.getDefaultInstance());
  /** The answer is a stream. */
  public static final ModalRpc<ImageJoinStreamingRequest, ImageJoinStreamingResponse> IMAGE_JOIN_STREAMING = control("ImageJoinStreaming",
      ImageJoinStreamingRequest.getDefaultInstance(), ImageJoinStreamingResponse.getDefaultInstance());
  public static final ModalRpc<ImageFromIdRequest, ImageFromIdResponse> IMAGE_FROM_ID = control("ImageFromId",
      ImageFromIdRequest.getDefaultInstance(), ImageFromIdResponse.getDefaultInstance());
  public static final ModalRpc<SandboxCreateV2Request, SandboxCreateV2Response> SANDBOX_CREATE = control("SandboxCreateV2",
      SandboxCreateV2Request.getDefaultInstance(), SandboxCreateV2Response.getDefaultInstance());
  public static final ModalRpc<SandboxGetTaskIdRequest, SandboxGetTaskIdResponse> SANDBOX_GET_TASK_ID = control("SandboxGetTaskIdV2",
      SandboxGetTaskIdRequest.getDefaultInstance(), SandboxGetTaskIdResponse.getDefaultInstance());
  public static final ModalRpc<SandboxGetCommandRouterAccessRequest, SandboxGetCommandRouterAccessResponse> SANDBOX_GET_COMMAND_ROUTER_ACCESS =
      control("SandboxGetCommandRouterAccess", SandboxGetCommandRouterAccessRequest.getDefaultInstance(),
          SandboxGetCommandRouterAccessResponse.getDefaultInstance());
  public static final ModalRpc<SandboxWaitRequest, SandboxWaitResponse> SANDBOX_WAIT = control("SandboxWaitV2",
      SandboxWaitRequest.getDefaultInstance(), SandboxWaitResponse.getDefaultInstance());
  public static final ModalRpc<SandboxTerminateRequest, SandboxTerminateResponse> SANDBOX_TERMINATE = control("SandboxTerminateV2",
      SandboxTerminateRequest.getDefaultInstance(), SandboxTerminateResponse.getDefaultInstance());
  public static final ModalRpc<SandboxListRequest, SandboxListResponse> SANDBOX_LIST = control("SandboxListV2",
      SandboxListRequest.getDefaultInstance(), SandboxListResponse.getDefaultInstance());
  public static final ModalRpc<SandboxTagsSetRequest, Empty> SANDBOX_TAGS_SET = control("SandboxTagsSetV2",
      SandboxTagsSetRequest.getDefaultInstance(), Empty.getDefaultInstance());
  public static final ModalRpc<SandboxTagsGetRequest, SandboxTagsGetResponse> SANDBOX_TAGS_GET = control("SandboxTagsGetV2",
      SandboxTagsGetRequest.getDefaultInstance(), SandboxTagsGetResponse.getDefaultInstance());
  public static final ModalRpc<SandboxGetFromNameRequest, SandboxGetFromNameResponse> SANDBOX_GET_FROM_NAME = control("SandboxGetFromNameV2",
      SandboxGetFromNameRequest.getDefaultInstance(), SandboxGetFromNameResponse.getDefaultInstance());

  public static final ModalRpc<TaskExecStartRequest, TaskExecStartResponse> EXEC_START = router("TaskExecStart",
      TaskExecStartRequest.getDefaultInstance(), TaskExecStartResponse.getDefaultInstance());
  /** The answer is a stream. */
  public static final ModalRpc<TaskExecStdioReadRequest, TaskExecStdioReadResponse> EXEC_STDIO_READ = router("TaskExecStdioRead",
      TaskExecStdioReadRequest.getDefaultInstance(), TaskExecStdioReadResponse.getDefaultInstance());
  public static final ModalRpc<TaskExecStdinWriteRequest, TaskExecStdinWriteResponse> EXEC_STDIN_WRITE = router("TaskExecStdinWrite",
      TaskExecStdinWriteRequest.getDefaultInstance(), TaskExecStdinWriteResponse.getDefaultInstance());
  /** The question is a stream. */
  public static final ModalRpc<TaskExecStdinWriteStreamRequest, TaskExecStdinWriteStreamResponse> EXEC_STDIN_WRITE_STREAM =
      router("TaskExecStdinWriteStream", TaskExecStdinWriteStreamRequest.getDefaultInstance(),
          TaskExecStdinWriteStreamResponse.getDefaultInstance());
  public static final ModalRpc<TaskExecStdinStatusRequest, TaskExecStdinStatusResponse> EXEC_STDIN_STATUS = router("TaskExecStdinStatus",
      TaskExecStdinStatusRequest.getDefaultInstance(), TaskExecStdinStatusResponse.getDefaultInstance());
  public static final ModalRpc<TaskExecPollRequest, TaskExecPollResponse> EXEC_POLL = router("TaskExecPoll",
      TaskExecPollRequest.getDefaultInstance(), TaskExecPollResponse.getDefaultInstance());
  public static final ModalRpc<TaskExecWaitRequest, TaskExecWaitResponse> EXEC_WAIT = router("TaskExecWait",
      TaskExecWaitRequest.getDefaultInstance(), TaskExecWaitResponse.getDefaultInstance());
  /** The answer is a stream. */
  public static final ModalRpc<SandboxStdioReadV2Request, SandboxStdioReadV2Response> SANDBOX_STDIO_READ = router("SandboxStdioReadV2",
      SandboxStdioReadV2Request.getDefaultInstance(), SandboxStdioReadV2Response.getDefaultInstance());
  public static final ModalRpc<TaskSnapshotFilesystemRequest, TaskSnapshotFilesystemResponse> SNAPSHOT_FILESYSTEM =
      router("TaskSnapshotFilesystem", TaskSnapshotFilesystemRequest.getDefaultInstance(), TaskSnapshotFilesystemResponse.getDefaultInstance());

  private static <Q extends Message, A extends Message> ModalRpc<Q, A> control(String name, Q question, A answer) {
    return new ModalRpc<>(CONTROL_PLANE, name, question, answer);
  }

  private static <Q extends Message, A extends Message> ModalRpc<Q, A> router(String name, Q question, A answer) {
    return new ModalRpc<>(COMMAND_ROUTER, name, question, answer);
  }

  ServiceMethod<A, Q> method() {
    return ServiceMethod.client(service, name, GrpcMessageEncoder.encoder(), GrpcMessageDecoder.decoder(answer));
  }

  /** Fields that are not known here are kept and passed over. @param in its bytes are the answer's from now on, and not copied */
  A decode(CodedInputStream in) throws IOException {
    in.enableAliasing(true);
    @SuppressWarnings("unchecked")
    A decoded = (A) answer.getParserForType().parseFrom(in);
    in.checkLastTagWas(0);
    return decoded;
  }
}
